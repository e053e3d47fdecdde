"""Credentials: the caller's own, assumed roles, MFA."""
