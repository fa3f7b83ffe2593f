"""What the functions do, one file a use case."""
