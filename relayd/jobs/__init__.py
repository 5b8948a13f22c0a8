"""The queue of recordings: lanes, claims, endings, and what a dead worker left behind."""
