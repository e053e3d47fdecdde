"""The run file: what a run wanted, planned and did, and the state directory that keeps the files."""
