"""A run as one HTML page: self-contained, without a request to anywhere, for browsers, buckets and attachments."""
