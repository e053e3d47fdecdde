"""What the bill counts by and what is used, as such: pure, without calls."""
