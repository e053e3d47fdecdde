"""The `--results` file: a line for each profile or deletion, with the manifest's own columns where they are kept."""
