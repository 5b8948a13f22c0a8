"""Signing in, and what an account is: /auth, /session and /account, for apps and browsers."""
