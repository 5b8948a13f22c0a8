"""Tests of the socket's end: framing, handshake, connections."""
