"""From planned actions to outcomes: lanes, pacing, retries, and the file that records a run."""
