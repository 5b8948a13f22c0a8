"""Where browsers find this server."""

import pytest

from relayd.routes.toolkit.origins import own_origins


@pytest.mark.parametrize(
    ("public_url", "urls", "origins"),
    [
        ("https://relay.example", ["http://127.0.0.1:8080"], ["https://relay.example"]),
        ("https://relay.example:8443/under", [], ["https://relay.example:8443"]),
        (
            "",
            ["http://127.0.0.1:8080", "http://192.0.2.1:8080"],
            ["http://127.0.0.1:8080", "http://192.0.2.1:8080", "http://localhost:8080"],
        ),
        ("", ["https://[::1]:443"], ["https://[::1]:443", "https://localhost:443"]),
        (
            "http://localhost:8080",
            ["http://127.0.0.1:8080"],
            ["http://localhost:8080"],
        ),
    ],
)
def test_own_origins(public_url: str, urls: list[str], origins: list[str]) -> None:
    """The public URL if there is one, else where it listens, on loopback by either name."""
    assert own_origins(public_url, urls) == tuple(origins)
