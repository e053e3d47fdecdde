"""What past runs did, read from their files: the list of runs, reports, outcomes."""
