"""Who can read, reach and pretend what."""

from pathlib import Path
from typing import Any

import pytest

from relayd.checks import exposure
from relayd.config import Auth, Config, Secret, Server

AUTH = Auth(secret=Secret("s"), pepper=Secret("p"))
PEM = Path("c.pem")
PROXY = {"trusted_proxies": ("10.0.0.2",), "public_url": "https://relay.example.org"}


def told(environ: dict[str, str] | None = None, **server: Any) -> list[str]:
    """The subjects that are not well."""
    findings = exposure.judge(Config(auth=AUTH, server=Server(**server)), environ or {})
    assert all(one.remedy for one in findings if not one.well)
    findings = exposure.judge(Config(auth=AUTH, server=Server(**server)), environ or {})
    return [one.subject for one in findings if not one.well]


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"listen": ("[::1]:8080", "localhost:0", "fd://3")},
        {"listen": ("10.0.0.1:8080",), **PROXY},
        {"listen": (":8443",), "tls_certificate": PEM, "public_url": "https://relay.example.org/"},
        {"public_url": "http://localhost:8080"},
    ],
)
def test_what_is_well(server: dict[str, Any]) -> None:
    """Loopback, TLS, or a proxy that ends it."""
    assert told(**server) == []


@pytest.mark.parametrize(
    ("server", "subject"),
    [
        ({"listen": ("0.0.0.0:80",), "public_url": "https://a.org"}, "encryption"),
        ({"listen": (":80",), "public_url": "https://a.org"}, "encryption"),
        ({"listen": ("[2001:db8::1]:80",)}, "encryption"),
        ({"listen": ("relay.example.org:80",)}, "encryption"),
        ({"public_url": "http://relay.example.org"}, "public_url"),
        ({"public_url": "https://example.org/relay"}, "public_url"),
        ({"listen": ("[::]:443",), "tls_certificate": PEM}, "public_url"),
        (PROXY | {"trusted_proxies": ("10.0.0.2", "0.0.0.0/0")}, "trusted_proxies"),
        (PROXY | {"trusted_proxies": ("::/0",)}, "trusted_proxies"),
    ],
)
def test_what_is_open(server: dict[str, Any], subject: str) -> None:
    """Plain HTTP in a network, believing everybody, an address that isn't served or known."""
    assert told(**server) == [subject]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("RELAYD_SERVER_LISTEN", "RELAYD_SERVER__LISTEN"),
        ("RELAYD_DATABASE_URL", "RELAYD_DATABASE__URL"),
        ("RELAYD_PACKAGE", "RELAYD_PACKAGES"),
        ("RELAYD_ANYTHING", None),
    ],
)
def test_a_variable_that_sets_nothing(name: str, near: str | None) -> None:
    """It is named, never its value, with the one that was meant."""
    config = Config(auth=AUTH)
    (finding,) = [one for one in exposure.judge(config, {name: "sesame"}) if not one.well]
    assert finding.detail == f"{name} is no key of relayd's"
    assert finding.remedy == (f"did you mean {near}?" if near else "unset it")


def test_the_clients_variables_are_known() -> None:
    """What `relayd transcribe` reads, what holds a list, and what is none of ours."""
    names = ("RELAYD_TOKEN", "RELAYD_SERVER", "RELAYD_PACKAGES", "RELAY", "PATH")
    assert told(dict.fromkeys(names, "x")) == []
