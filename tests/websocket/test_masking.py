"""The mask of a WebSocket's client."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.websocket.masking import mask


@given(st.binary(max_size=1000), st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing(payload: bytes, key: bytes) -> None:
    """It is XOR with the repeated key."""
    masked = mask(payload, key)
    assert masked == bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    assert mask(masked, key) == payload
