"""The state of the sandbox: profiles, models, calls, and the journal that keeps them over a restart."""
