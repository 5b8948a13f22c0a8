"""The HTTP interface: thin blueprints over accounts, ledger and sessions."""
