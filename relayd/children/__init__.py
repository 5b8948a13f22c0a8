"""Processes that we start for ourselves: without our secrets, and never left behind."""
