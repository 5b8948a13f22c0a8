"""The daemon in this process, on a real PostgreSQL."""
