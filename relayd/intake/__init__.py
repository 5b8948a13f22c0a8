"""Recordings on their way in: measured, kept, and handed to the queue."""
