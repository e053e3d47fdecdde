"""Sinks, and the queue that brings them the outcomes of a run."""
