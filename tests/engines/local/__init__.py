"""Engines on this machine, with real processes where they have any."""
