"""Who sends: the caller's own credentials, assumed roles, MFA."""
