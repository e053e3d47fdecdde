"""Runs past one machine: shares of a plan, cut and brought home by hand or by an engine."""
