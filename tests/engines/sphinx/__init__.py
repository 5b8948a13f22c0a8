"""The local engine, with real processes where it has any."""
