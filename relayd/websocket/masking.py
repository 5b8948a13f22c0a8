"""The mask over what a WebSocket's client sends (RFC 6455, section 5.3).

Every frame of audio is unmasked once and masked once. Done in Python, with two numbers as long as
the frame, that took a sixth of all that a frame costs; the `websockets` library has it in C.
"""

from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # where there is no wheel and no compiler
    from websockets.utils import apply_mask

__all__ = ["mask"]

# (payload, key of four bytes) -> payload; masking twice undoes it.
mask: Final = apply_mask
