"""The heart: rings 1 to 3."""
