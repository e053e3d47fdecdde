"""How requests reach AWS: connections, the lean way past the SDK, the shapes that answers are checked against."""
