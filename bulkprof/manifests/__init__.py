"""From manifests to requests: every row, or every problem of it, with file and line."""
