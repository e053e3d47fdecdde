"""What loading manifests is made of: objects are fetched, rows understood and written, and problems told."""
