"""What sessions and engines say to each other."""
