"""The machine that a run works on: private and temporary files, file descriptors, clocks."""
