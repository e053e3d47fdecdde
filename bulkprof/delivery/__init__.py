"""Where outcomes go: results file, sinks, progress, reports."""
