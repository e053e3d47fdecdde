"""The use cases, one file each, and what they share. Each reads like the picture in the README."""
