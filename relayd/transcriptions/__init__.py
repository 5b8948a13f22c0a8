"""Recordings handed in whole: taken, listed, cancelled, deleted, and what became of them."""
