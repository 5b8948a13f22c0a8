"""Accounts: rings 1 and 2, and ring 5 where PostgreSQL must be asked."""
