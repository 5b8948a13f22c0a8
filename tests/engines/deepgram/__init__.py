"""Deepgram's engine, against its stand-in."""
