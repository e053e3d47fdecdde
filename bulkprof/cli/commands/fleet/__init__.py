"""Commands for runs past one machine."""
