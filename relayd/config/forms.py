"""The forms that configured texts take: addresses, networks, origins, URLs.

Each returns None, or a problem that says what would be right. None of them repeats the value:
it may be a secret.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

__all__ = [
    "address",
    "database_url",
    "engine_model",
    "engine_url",
    "files_url",
    "inherited",
    "is_loopback",
    "key_prefix",
    "language",
    "live_engine",
    "model_name",
    "network",
    "origin",
    "plan_model",
    "public_url",
    "recording_model",
    "split",
    "split_url",
    "storage_endpoint",
    "storage_url",
]

_PORT_MAX: Final = 65_535
_STORES: Final = {"s3", "gs", "az"}
_SCHEMES: Final = {"ws", "wss", "http", "https"}

_KEY_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{1,15}", re.ASCII)
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
LIVE_ENGINES: Final = ("deepgram", "moonshine", "sphinx")
FILE_ENGINES: Final = ("moonshine", "whispercpp", "openai_compatible", "deepgram", "pretend")
_SERVER: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


def split(listen: str) -> tuple[str, int]:
    """``host:port``, ``[v6]:port`` or ``:port`` in its parts; an empty host is every address.

    Raises ValueError where it is none of them.
    """
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif not set(host).isdisjoint(":[]/ "):
        raise ValueError("an IPv6 address needs brackets, and a host name has none of these")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > _PORT_MAX:
        raise ValueError("host:port is needed")
    return host, int(port)


def address(text: str) -> str | None:
    """An address to listen on, or ``fd://3``; port 0 lets the system choose one."""
    if inherited(text) is not None:
        return None
    try:
        split(text)
    except ValueError:
        return (
            'must be "host:port", "[IPv6]:port", ":port" for every address, or "fd://3", '
            'for example "127.0.0.1:8080"'
        )
    return None


def inherited(listen: str) -> int | None:
    """The descriptor of a socket that was opened by whoever started the daemon, ``fd://3``."""
    number = listen.removeprefix("fd://")
    is_one = number != listen and number.isascii() and number.isdigit()
    return int(number) if is_one else None


_DOMAIN_MAX: Final = 253


def network(text: str) -> str | None:
    """An IP address or a network of them."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return 'must be an IP address or network, for example "127.0.0.1" or "10.0.0.0/8"'
    return None


def domain(text: str) -> str | None:
    """The name of a mail domain."""
    if re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", text) and len(text) <= _DOMAIN_MAX:
        return None
    return 'must be a domain in small letters, for example "mailinator.com"'


def origin(text: str) -> str | None:
    """What a browser sends as ``Origin``: scheme, host, port, nothing else (RFC 6454)."""
    if "*" in text:
        return "wildcards are not supported: name each origin"
    parts = split_url(text)
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or parts.netloc != parts.netloc.lower()
    ):
        return 'must be "https://host" or "https://host:port" in lower case'
    if text != f"{parts.scheme}://{parts.netloc}" or "@" in text:
        return 'must end after the host and port, for example "https://app.example.org"'
    return None


def public_url(text: str) -> str | None:
    """Where apps and browsers reach this server."""
    parts = split_url(text) if text else None
    if text and (parts is None or parts.scheme not in {"http", "https"}):
        return 'must be an http or https URL, for example "https://relay.example.org"'
    if parts and ("@" in parts.netloc or parts.query or parts.fragment):
        return "must hold neither a password, a query nor a fragment"
    return None


def database_url(text: str) -> str | None:
    """The word ``embedded``, or a PostgreSQL URL.

    What its parser would take for the host may be half of the password, and would be told in its
    error: so what doesn't divide as it looks is refused here.
    """
    scheme, _, rest = text.partition("://")
    if text != "embedded" and scheme not in {"postgresql", "postgres"}:
        return (
            'must be "embedded" or a PostgreSQL URL, '
            'for example "postgresql://relayd@db.example.org/relayd"'
        )
    readable = text == "embedded" or (_DATABASE.fullmatch(rest) and _is_utf8(rest))
    return None if readable else _ESCAPES


def _is_utf8(text: str) -> bool:
    """Whether its escapes come to text: psycopg hands it on as such."""
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return True


def _piece(*ends: str) -> str:
    """An expression for a piece of a URL that ends at these: printable ASCII, % only as an escape.

    PostgreSQL refuses %00.
    """
    apart = "".join(map(re.escape, ends))
    return rf"(?:%(?!00)[0-9A-Fa-f]{{2}}|(?![%{apart}])[!-~])*"


# What follows the scheme: user and password, hosts with their ports, database, options.
_HOST: Final = rf"(?:\[[0-9A-Fa-f:.%]*\]|{_piece(':', '/', '?', '@', ',', '[')})(?::[0-9]*)?"
_DATABASE: Final = re.compile(
    rf"(?:(?!@){_piece('/', '?', '@')}@)?{_HOST}(?:,{_HOST})*"
    rf"(?:/{_piece('/', '?', '@')})?(?:\?{_piece('?', '@')})?"
)


_ESCAPES: Final = (
    "can't be read as a URL: in user and password, write % as %25, @ as %40, / as %2F, : as %3A, "
    "? as %3F, # as %23, a space as %20, and a letter beyond ASCII as its UTF-8 bytes"
)


def engine_url(text: str) -> str | None:
    """Where an engine listens. Audio and the key never cross a network unencrypted."""
    parts = split_url(text)
    if parts is None or parts.scheme not in {"ws", "wss"}:
        return 'must be a wss:// URL, for example "wss://api.deepgram.com"'
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must hold neither a key or password, a query nor a fragment"
    if parts.scheme == "ws" and not is_loopback(parts.hostname or ""):
        return "ws:// sends audio and the key unencrypted: use wss:// (ws:// only to loopback)"
    return None


def storage_url(text: str) -> str | None:
    """A folder, or a bucket; empty for the folder that relayd has anyway."""
    parts = urlsplit(text)
    if not text or (parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")):
        return None
    if parts.scheme not in _STORES or not parts.netloc:
        return 'must be "s3://bucket/folder", "gs://…", "az://…" or "file:///folder", or empty'
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must hold neither a key or password, a query nor a fragment"
    return None


def storage_endpoint(text: str) -> str | None:
    """Where a store like S3 listens; unencrypted to this machine alone."""
    if not text:
        return None
    parts = split_url(text)
    if parts is None or parts.scheme not in {"http", "https"}:
        return 'must be an https:// URL, for example "https://s3.example.org"'
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must hold neither a key or password, a query nor a fragment"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return "http:// sends recordings unencrypted: use https:// (http:// only to loopback)"
    return None


def files_url(text: str) -> str | None:
    """Where recordings are sent, or nothing. Neither they nor the key cross a network in clear."""
    parts = split_url(text) if text else None
    if text and (parts is None or parts.scheme not in {"http", "https"}):
        return 'must be an https:// URL, for example "https://api.openai.com/v1"'
    if parts and ("@" in parts.netloc or parts.query or parts.fragment):
        return "must hold neither a key or password, a query nor a fragment"
    if parts and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return (
            "http:// sends audio and the key unencrypted: use https:// (http:// only to loopback)"
        )
    return None


def recording_model(text: str) -> str | None:
    """A model's name, as it stands in requests."""
    if _MODEL.fullmatch(text):
        return None
    return 'must be made of letters, digits and . _ / -, for example "whisper-base"'


def plan_model(text: str) -> str | None:
    """A model's name, or all of them."""
    return None if text == "*" else recording_model(text)


def engine_model(text: str) -> str | None:
    """An engine for recordings and its own name of a model, with a colon between them."""
    engine, colon, model = text.partition(":")
    if _SERVER.fullmatch(engine) and colon and model:
        return None
    engines = ", ".join(FILE_ENGINES)
    return f'must be engine:model, as in "whispercpp:base.en", with an engine of {engines}'


def live_engine(text: str) -> str | None:
    """An engine for streams."""
    if text in LIVE_ENGINES:
        return None
    return "must be one of " + ", ".join(f'"{one}"' for one in LIVE_ENGINES)


def server_name(text: str) -> str | None:
    """A server's own name among the engines."""
    if _SERVER.fullmatch(text) and text not in FILE_ENGINES:
        return None
    return (
        'must be small letters, digits, "-" and "_", at most 32, for example "groq", and no '
        "engine's name"
    )


def model_name(text: str) -> str | None:
    """What an engine calls a model."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        return None
    return 'must be the name of a model, for example "nova-3"'


def language(text: str) -> str | None:
    """A language tag, several at a time, or all of them."""
    if text == "*" or re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", text):
        return None
    return 'must be a language tag such as "en" or "en-US", "multi", or "*"'


def split_url(text: str) -> SplitResult | None:
    """A URL in its parts; None where it is none that a server listens on."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no port
    except ValueError:
        return None
    readable = text.isascii() and text.isprintable() and " " not in text
    return parts if readable and parts.scheme in _SCHEMES and parts.hostname else None


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_prefix(text: str) -> str | None:
    """What API keys begin with."""
    if _KEY_PREFIX.fullmatch(text):
        return None
    return "2 to 16 small letters and digits are needed, a letter first, such as wtr"
