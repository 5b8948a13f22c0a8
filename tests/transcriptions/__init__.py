"""Recordings handed in whole."""
