"""The HTTP interface: rings 1 and 2."""
