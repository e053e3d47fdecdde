"""One run of an estate at a time: on this machine by a file lock, between machines by an object in S3."""
