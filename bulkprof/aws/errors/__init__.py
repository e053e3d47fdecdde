"""Maps the errors of the SDK and the network to bulkprof's own."""
