"""Requests to addresses that users name: what may be reached, and how it is asked."""
