"""How fast calls may be sent: the pacer learns the rate of each operation in each target, and keeps it."""
