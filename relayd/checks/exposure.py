"""Who can read, reach and pretend what: contradictions of a configuration with its surroundings.

Pure but for one look at the file's mode. What would be wrong in any surroundings is refused with
the configuration itself (`relayd.config.contradictions`).
"""

import difflib
import stat
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from relayd.checks.finding import Finding
from relayd.config import Config, Server
from relayd.config.forms import is_loopback
from relayd.config.keys import arrays, walk

__all__ = ["judge"]

_PREFIX: Final = "RELAYD_"
# Of the client's commands.
_CLIENTS: Final = {"RELAYD_SERVER", "RELAYD_TOKEN"}


def judge(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What an operator should know of this configuration on this machine."""
    where = str(config.path) if config.path else "the environment alone"
    yield Finding("configuration", well=True, detail=where, remedy=_readable(config))
    yield from _variables(environ)
    yield from _proxies(config.server)
    yield from _encryption(config.server)
    yield from _address(config.server)
    yield from _free_credit(config)


def _readable(config: Config) -> str:
    # A group is somebody's choice: `make install` lets the daemon's read what root owns.
    if config.path is None or not config.path.stat().st_mode & stat.S_IROTH:
        return ""
    return f"everybody on this machine can read it; if it holds secrets: chmod o= {config.path}"


def _variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like ours and set nothing; one with "__" in it is refused at loading."""
    known = {_variable(field.name) for field in walk(Config)}
    known |= {_variable(array.name) for array in arrays(Config)} | _CLIENTS
    for name in sorted(environ):
        if name.startswith(_PREFIX) and "__" not in name and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            remedy = f"did you mean {near[0]}?" if near else "unset it"
            yield Finding("environment", False, f"{name} is no key of relayd's", remedy)


def _variable(key: str) -> str:
    return _PREFIX + key.upper().replace(".", "__")


def _proxies(server: Server) -> Iterator[Finding]:
    everybody = [one for one in server.trusted_proxies if ip_network(one).prefixlen == 0]
    if everybody:
        yield Finding(
            "trusted_proxies",
            False,
            f"{', '.join(everybody)} is everybody: any client can claim any address",
            "name the proxies' own addresses in server.trusted_proxies",
        )


def _encryption(server: Server) -> Iterator[Finding]:
    open_places = [] if server.tls_certificate else list(_reachable(server))
    if open_places and not server.trusted_proxies:
        yield Finding(
            "encryption",
            False,
            f"plain HTTP on {', '.join(open_places)}: passwords, tokens and audio can be read on "
            "the way",
            "set server.tls_certificate and server.tls_key; or listen on 127.0.0.1 behind a proxy "
            "that ends TLS, and name it in server.trusted_proxies",
        )
    public = urlsplit(server.public_url)
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        yield Finding(
            "public_url",
            False,
            f"{server.public_url} sends apps and browsers there unencrypted",
            "serve https:// there, and say so in server.public_url",
        )


def _address(server: Server) -> Iterator[Finding]:
    if urlsplit(server.public_url).path.strip("/"):
        yield Finding(
            "public_url",
            False,
            f"{server.public_url} has a path, and relayd answers at the root of a host only",
            "give it a host name of its own",
        )
    if not server.public_url and any(map(_is_everywhere, _hosts(server))):
        yield Finding(
            "public_url",
            False,
            "relayd listens on every address and doesn't know by which name browsers reach it: "
            "they may not talk from its pages",
            "set server.public_url to the address that people type",
        )


def _free_credit(config: Config) -> Iterator[Finding]:
    if config.auth.free_seconds and not config.mail.on:
        yield Finding(
            "free credit",
            False,
            f"anybody gets auth.free_seconds ({config.auth.free_seconds} s) for any address they "
            "make up",
            "set [mail], so that it is given for addresses that are proven; or set it to 0",
        )


def _reachable(server: Server) -> Iterable[str]:
    places = [f"{host or 'every address'}:{port}" for host, port in server.addresses]
    return (
        place for place, host in zip(places, _hosts(server), strict=True) if not is_loopback(host)
    )


def _hosts(server: Server) -> list[str]:
    return [host for host, _ in server.addresses]


def _is_everywhere(host: str) -> bool:
    try:
        return not host or ip_address(host).is_unspecified
    except ValueError:
        return False
