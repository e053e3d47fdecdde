"""The runs of a state directory: where they are, how each stands, what the last ones did, what is new in one."""
