"""Policies for those who call the profiles: what they may invoke, and what an organization keeps them from."""
