"""From what the SDK and the network raise to bulkprof's own errors."""
