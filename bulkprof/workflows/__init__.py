"""The use cases, one file each; `steps/` holds what they share. Each reads like the picture in the README."""
