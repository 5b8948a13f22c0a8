"""Deepgram's live API: one upstream WebSocket for each stream."""
