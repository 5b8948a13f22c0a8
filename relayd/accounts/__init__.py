"""Accounts: email addresses, passwords, tokens and sign-ins."""
