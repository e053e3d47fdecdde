"""Large manifests, read by several processes: cut into parts, shared out, read by other interpreters."""
