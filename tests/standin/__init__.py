"""A stand-in for Deepgram's live API: it answers as the real one does, and fails on demand.

script      what one connection is to do wrong, if anything
speech      pure: seconds of audio → the messages Deepgram would send
handshake   pure: who may open a stream, and with which query
listener    one connection: audio in, messages out, timeouts, faults
server      all connections, over sockets or memory streams, and their records
deepgram    the command: ``python -m tests.standin.deepgram --port 0``
"""

from tests.standin.script import Fault, Script
from tests.standin.server import Record, StandIn

__all__ = ["Fault", "Record", "Script", "StandIn"]
