"""The AWS services of the sandbox."""
