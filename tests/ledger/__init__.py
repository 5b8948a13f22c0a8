"""The ledger: a contract, a verified fake, histories, and what only PostgreSQL can show."""
