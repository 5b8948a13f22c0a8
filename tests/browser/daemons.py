"""The daemon as a process, with the stand-ins it is to use.

Its port is chosen here: a daemon that is stopped and started again must be found where it was.
"""

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import httpx

from tests.browser.processes import Child
from tests.house.tree import ROOT

__all__ = ["SPOKEN", "WORDS", "Daemon", "deepgram", "open_daemon", "open_shop"]

# What the stand-in engine says, ten words a second: what is spoken in the recording.
WORDS: Final = tuple((ROOT / "relayd" / "demo" / "recording.txt").read_text("utf-8").split())
# More than a second of them: once they are there, something was used.
SPOKEN: Final = " ".join(WORDS[:12])
# What the daemon and the stand-in Stripe know of each other.
KEY: Final = "sk_test_standin"
SECRET: Final = "whsec_standin"


@attrs.define(eq=False)
class Daemon:
    """A relayd on a port of its own."""

    url: str
    child: Child
    database_url: str
    # Where its pages may send a person: the stand-in Stripe.
    elsewhere: tuple[str, ...] = ()

    def stop(self) -> None:
        """As `systemctl stop` does."""
        self.child.stop()

    def start(self, **environ: str) -> None:
        """Again, with these settings changed."""
        self.child.start(**environ)

    def check(self) -> None:
        """It logged nothing that a human should look at."""
        errors = [line for line in self.child.lines if " ERROR " in line]
        assert not errors, "\n".join(self.child.lines)


@contextmanager
def open_daemon(database_url: str, **environ: str) -> Iterator[Daemon]:
    """Serve on this database until left."""
    port = free_port()
    # A name, so that the stand-in Stripe at 127.0.0.1 is another site, as the real one is.
    url = f"http://localhost:{port}"
    settings = {
        "RELAYD_SERVER__LISTEN": f"127.0.0.1:{port}",
        "RELAYD_SERVER__PUBLIC_URL": url,
        "RELAYD_DATABASE__URL": database_url,
        "RELAYD_DATABASE__POOL_SIZE": "4",
        "RELAYD_AUTH__SECRET": secrets.token_urlsafe(48),
        "RELAYD_AUTH__PEPPER": "a pepper of the tests that every daemon of theirs has",
        # All tests come from one address.
        "RELAYD_AUTH__REQUESTS_PER_MINUTE": "10000",
        "RELAYD_METERING__FLUSH_SECONDS": "1",
        "RELAYD_SERVER__DRAIN_SECONDS": "3",
        # Each more takes as long to start as one, and the pages don't know of it.
        "RELAYD_SERVER__PROCESSES": "1",
    }
    child = Child(("relayd", "serve"), settings | environ)
    serving = Daemon(url, child, database_url)
    child.start()
    try:
        yield serving
    finally:
        child.stop()
    serving.check()


@contextmanager
def open_shop(database_url: str, **environ: str) -> Iterator[Daemon]:
    """A daemon that sells, beside a Stripe of its own, with the price of a plan if one is named."""
    till = Child(("tests.stripe_standin", "--port", "0", "--key", KEY, "--secret", SECRET))
    try:
        till.start()
        if price_id := environ.get("RELAYD_PLANS__PRO__PRICE_ID"):
            price = {"amount": 2900, "key": price_id}
            httpx.post(f"{till.address}/control/prices", json=price).raise_for_status()
        sales = {
            "RELAYD_STRIPE__API_URL": till.address,
            "RELAYD_STRIPE__API_KEY": KEY,
            "RELAYD_STRIPE__WEBHOOK_SECRETS": SECRET,
        }
        with open_daemon(database_url, **sales | environ) as serving:
            serving.elsewhere = (till.address,)
            yield serving
    finally:
        till.stop()


@contextmanager
def deepgram() -> Iterator[dict[str, str]]:
    """The stand-in engine, as the settings that lead a daemon to it."""
    script = {"words": WORDS, "word_ms": 100, "result_ms": 200}
    child = Child(("tests.standin.deepgram", "--port", "0", "--script", json.dumps(script)))
    child.start()
    try:
        yield {
            "RELAYD_ENGINES__DEEPGRAM__URL": child.address,
            "RELAYD_ENGINES__DEEPGRAM__API_KEY": "standin-key",
        }
    finally:
        child.stop()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
