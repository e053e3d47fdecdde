"""Text files with a header and rows, as manifests and plugins read them: encodings, delimiters, odd first lines."""
