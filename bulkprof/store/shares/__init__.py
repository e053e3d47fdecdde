"""Shares: run files that hold some of a run's targets, cut out of its file and brought home to it."""
