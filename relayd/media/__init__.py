"""Recordings: what is in them and their sound. They are opened in a child process only."""
