"""What runs tasks: one file a backend."""
