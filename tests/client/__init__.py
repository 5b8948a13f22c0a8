"""The app side of the protocol."""
