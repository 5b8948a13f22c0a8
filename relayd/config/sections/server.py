"""`[server]`: its keys."""

from pathlib import Path

import attrs

from relayd.config import forms
from relayd.config.keys import about

__all__ = ["Server"]


@attrs.frozen(kw_only=True)
class Server:
    """The sockets: where to listen, whom to believe, how many to serve."""

    listen: tuple[str, ...] = attrs.field(
        default=("127.0.0.1:8080",),
        metadata=about(
            "Loopback, so that nothing is open to a network before you decide so. One address or a "
            'list; ":8080" is every address of the machine, port 0 lets the system choose, '
            '"fd://3" is the socket of a systemd socket unit.',
            unit="host:port",
            form=forms.address,
        ),
    )
    public_url: str = attrs.field(
        default="",
        metadata=about(
            "Where apps and browsers reach this server from outside, without a path; empty means "
            "the address it listens on. Needed behind a proxy, and for sales.",
            unit="URL",
            form=forms.public_url,
        ),
    )
    repository_url: str = attrs.field(
        default="",
        metadata=about(
            "Where your copy of the source is, for the link on the landing page; empty means no "
            "link.",
            unit="URL",
            form=forms.public_url,
        ),
    )
    trusted_proxies: tuple[str, ...] = attrs.field(
        default=(),
        metadata=about(
            "Reverse proxies that are believed about who asks. Nobody by default, since anybody "
            "can say such things.",
            unit="IP addresses or networks",
            form=forms.network,
        ),
    )
    forwarded_header: str = attrs.field(
        default="X-Forwarded-For",
        metadata=about(
            "The header by which they say it; the other one is ignored, since a proxy passes on "
            "what it doesn't set. The proxy must append to this one or overwrite it.",
            unit="name",
            choices=("X-Forwarded-For", "Forwarded"),
        ),
    )
    origins: tuple[str, ...] = attrs.field(
        default=(),
        metadata=about(
            "Web pages of other sites that may use this server from a browser: the HTTP interface "
            "with a bearer token, and streams. Desktop apps send no Origin and are always allowed.",
            unit="origins",
            form=forms.origin,
        ),
    )
    processes: int = attrs.field(
        default=0,
        metadata=about(
            "Processes that serve, kept by one that doesn't; they share every limit of this file. "
            "0: as many as there are cores; one with the embedded database or a local engine. With "
            "one there is "
            "nothing to reload: changes take a restart.",
            unit="processes",
            least=0,
            most=64,
        ),
    )
    retire_seconds: float = attrs.field(
        default=600,
        metadata=about(
            "After a reload: how long streams of the processes that were replaced may go on; then "
            "apps are told to connect again.",
            unit="seconds",
            least=0,
            most=86_400,
        ),
    )
    connections_max: int = attrs.field(
        default=2000,
        metadata=about(
            "Connections at once; more wait in the system's queue. Each takes one file descriptor, "
            "and a live stream to Deepgram a second one: keep LimitNOFILE above twice this.",
            unit="connections",
            least=1,
            most=100_000,
        ),
    )
    connections_per_address: int = attrs.field(
        default=100,
        metadata=about(
            "Connections at once from one address (IPv6: one /64; twice as many from a /56, four "
            "times from a /48), so that one host can't take them all. An office behind one address "
            "needs room. Behind a trusted proxy each address has so many requests and streams.",
            unit="connections",
            least=1,
            most=100_000,
        ),
    )
    connections_per_second: int = attrs.field(
        default=50,
        metadata=about(
            "New connections in a second from one address, counted likewise: a handshake of TLS "
            "takes CPU before anything is known of who asks.",
            unit="connections a second",
            least=1,
            most=100_000,
        ),
    )
    header_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "A request's head must be complete by then, or a slow sender would hold its connection "
            "for nothing.",
            unit="seconds",
            least=0.1,
            most=120,
        ),
    )
    keep_alive_seconds: float = attrs.field(
        default=30,
        metadata=about(
            "How long an idle HTTP connection is kept for the next request.",
            unit="seconds",
            least=0.1,
            most=600,
        ),
    )
    tls_certificate: Path | None = attrs.field(
        default=None,
        metadata=about(
            "Certificate chain in PEM, to serve TLS directly. Leave it out behind a proxy that "
            "ends TLS.",
            unit="path",
        ),
    )
    tls_key: Path | None = attrs.field(
        default=None,
        metadata=about("The certificate's private key in PEM; both or neither.", unit="path"),
    )
    drain_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "After SIGTERM: how long live sessions get to deliver their last words and settle. "
            "systemd's TimeoutStopSec must be longer.",
            unit="seconds",
            least=0.1,
            most=600,
        ),
    )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Those of `listen` that aren't inherited, as (host, port) pairs; no host is every one."""
        return tuple(forms.split(one) for one in self.listen if forms.inherited(one) is None)
