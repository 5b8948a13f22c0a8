"""The daemon in this process, and what it is composed of."""
