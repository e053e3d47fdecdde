"""HTTP between bulkprof and AWS: connections, direct calls past the SDK, and the shapes that responses must have."""
