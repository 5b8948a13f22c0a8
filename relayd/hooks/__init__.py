"""Webhooks out: whoever wants to know is told that a recording has ended."""
