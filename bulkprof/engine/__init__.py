"""Carries planned actions out: lanes side by side, retries, one writer of outcomes."""
