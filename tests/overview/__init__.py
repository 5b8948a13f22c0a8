"""The operator's overview, on PostgreSQL."""
