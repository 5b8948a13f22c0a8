"""Tests of RFC 6455 in both roles: framing, handshakes, connections."""
