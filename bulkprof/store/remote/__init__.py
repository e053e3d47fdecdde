"""The runs of an estate that are kept in S3, for runners without a disk: what is there, and how it comes and goes."""
