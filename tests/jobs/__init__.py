"""The queue of recordings."""
