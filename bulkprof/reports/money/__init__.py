"""What people and programs read about cost allocation tags and use."""
