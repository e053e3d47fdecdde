"""The services that the sandbox answers for."""
