"""What the sandbox remembers: profiles, models, calls, and the journal that outlives it."""
