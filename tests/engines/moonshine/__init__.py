"""Moonshine as a local model."""
