"""Backups: files, tools, and drills with real clusters."""
