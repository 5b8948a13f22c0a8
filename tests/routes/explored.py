"""A whole daemon for Schemathesis to explore, and what came of it."""

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import pytest
import trio

from relayd import daemon
from relayd.accounts import accounts
from relayd.accounts.proving import guesses
from relayd.accounts.proving.passwords import Passwords
from relayd.config import load
from relayd.intake import uploads
from relayd.outbound.dialling import SystemResolver
from relayd.routes.views.billing import billing, sales
from relayd.routes.views.v1 import subscriptions
from tests.cli.commands import url
from tests.config.files import SECRETS
from tests.house.tree import ROOT
from tests.stripe_standin import Account, StandInStripe
from tests.stripe_standin.records import Records

__all__ = ["Exploration", "Requests", "explore", "running"]

STRIPE_KEY = "sk_test_standin"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
START_SECONDS = 30
# It takes less than a minute on two idle cores.
EXPLORE_SECONDS = 480


@attrs.frozen
class Exploration:
    """Schemathesis's own account of its run."""

    code: int
    text: str
    report: dict[str, Any]

    @property
    def cases(self) -> int:
        """How many it made that it could judge by some check."""
        made = self.report["test_cases"]
        return int(made["generated"] - made["without_checks"])

    def accepted(self, operation: str) -> int:
        """How many of an operation's cases succeeded."""
        phases = self.report["valid_rates"].get(operation, {}).values()
        return sum(phase["accepted"] for phase in phases)


class Requests(logging.Filter):
    """Counts the daemon's answers by their status as they are logged, thousands of lines."""

    def __init__(self) -> None:
        super().__init__()
        # A request that its sender cut off has no number.
        self.statuses: Counter[int | str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Take what is counted out of the log."""
        counted = record.getMessage() == "request"
        if counted:
            facts: dict[str, Any] = record.__dict__["facts"]
            self.statuses[facts["status"]] += 1
        return not counted


@asynccontextmanager
async def running(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The daemon on this database, as an operator starts it; yields its URL.

    It sells, beside a stand-in Stripe. Two things differ: a password is hashed in a millisecond,
    and one address or user may ask often.
    """
    monkeypatch.setattr(accounts, "Passwords", partial(Passwords, cost=4))
    monkeypatch.setattr(billing, "_CHECKOUTS_PER_MINUTE", 10_000)
    monkeypatch.setattr(sales, "_LOOKS_PER_MINUTE", 10_000)
    monkeypatch.setattr(subscriptions, "_PAGES_PER_MINUTE", 10_000)
    # What it begins to upload it leaves lying.
    monkeypatch.setattr(uploads, "UPLOADS_MAX", 10_000)
    # Most passwords that it tries are wrong.
    for patience in ("_FREE", "_FREE_UNDER_ATTACK", "_CROWD"):
        monkeypatch.setattr(guesses, patience, 1_000_000)
    settings = {
        **SECRETS,
        "RELAYD_DATABASE__URL": url(database_url),
        "RELAYD_SERVER__LISTEN": "127.0.0.1:0",
        "RELAYD_SERVER__PROCESSES": "1",
        "RELAYD_SERVER__PUBLIC_URL": "https://relay.example.org",
        "RELAYD_SERVER__CONNECTIONS_PER_SECOND": "100000",
        "RELAYD_AUTH__REQUESTS_PER_MINUTE": "10000",
        "RELAYD_KEYS__PER_USER": "10000",
        "RELAYD_LIMITS__REQUESTS_PER_USER": "100000",
        "RELAYD_ENGINES__DEEPGRAM__API_KEY": "never-used",
        # Room for uploads is taken when they begin.
        "RELAYD_BATCH__UPLOAD_BYTES_MAX": "100000",
        "RELAYD_STRIPE__API_KEY": STRIPE_KEY,
        "RELAYD_STRIPE__WEBHOOK_SECRETS": "whsec_standin",
    }
    # What it has fetched, and told, is nobody's: no name leads anywhere.
    monkeypatch.setattr(SystemResolver, "resolve", _unknown)
    stop, ended = trio.Event(), trio.Event()
    with TemporaryDirectory() as directory:
        settings["RELAYD_STORAGE__DIRECTORY"] = directory
        async with trio.open_nursery() as nursery:
            stripe = StandInStripe(Account(Records(seed="explored")), STRIPE_KEY)
            stripe_url = await nursery.start(stripe.serve)
            config = load(None, settings | {"RELAYD_STRIPE__API_URL": stripe_url})

            async def serve(task_status: trio.TaskStatus[str]) -> None:
                await daemon.run(config, started=task_status.started, stop=stop)
                ended.set()

            with trio.fail_after(START_SECONDS):
                told = await nursery.start(serve)
            yield told.rpartition(" ")[2]
            stop.set()
            await ended.wait()
            nursery.cancel_scope.cancel()


async def _unknown(_resolver: SystemResolver, host: str, port: int) -> list[str]:
    raise OSError("no such name")


async def explore(
    address: str, directory: Path, email: str, password: str, *more: str
) -> Exploration:
    """Let Schemathesis loose on it, in a process of its own, signed in as this user.

    ``more`` are options of its command.
    """
    options = [*("--report", "json", "--report-json-path", str(directory / "report.json")), *more]
    with trio.fail_after(EXPLORE_SECONDS):
        ended = await trio.run_process(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(CONFIGURATION)),
                *("run", f"{address}/openapi.json", "--checks", "all", "--no-color", *options),
            ],
            cwd=ROOT,
            # Sets in the same order every time, so that the cases are as alike as can be.
            env=os.environ
            | {"EXPLORER_EMAIL": email, "EXPLORER_PASSWORD": password, "PYTHONHASHSEED": "0"}
            | {"SCHEMATHESIS_HOOKS": "tests.routes.serializing"},
            check=False,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
        )
    text = ended.stdout.decode()
    report = await trio.Path(directory / "report.json").read_text(encoding="utf-8")
    return Exploration(ended.returncode, text, json.loads(report))
