"""The use cases about money: which tags the bill counts by, and which profiles are used."""
