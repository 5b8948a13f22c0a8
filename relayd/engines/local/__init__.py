"""Models on this machine: one process for each stream, whichever model it is."""
