"""Places for tasks to work in."""
