"""A daemon's start: what is tried first, what it leaves behind, and what it says."""

import socket
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

from relayd import config, daemon
from relayd.errors import ConfigError
from tests.daemon.conftest import Settings

pytestmark = pytest.mark.system

START_SECONDS = 60


async def start_and_stop(configuration: config.Config) -> str:
    """A whole run; where it listened."""
    stop, told = trio.Event(), list[str]()

    def started(line: str) -> None:
        told.append(line)
        stop.set()

    with trio.fail_after(START_SECONDS):
        await daemon.run(configuration, started=started, stop=stop)
    return told[0]


def tables(url: str) -> list[Any]:
    """What is in the database."""
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return connection.execute(query).fetchall()


async def test_a_busy_port_leaves_nothing_behind(
    settings: Settings, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither schema nor boot; the start that works then hears of no daemon that died."""
    caplog.set_level("INFO")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        place = f"127.0.0.1:{busy.getsockname()[1]}"
        refused = settings(RELAYD_SERVER__LISTEN=place)
        with pytest.RaisesGroup(
            pytest.RaisesExc(ConfigError, match="another program listens there"),
            flatten_subgroups=True,
            allow_unwrapped=True,
        ):
            await start_and_stop(refused)
        assert tables(empty_database_url) == []
        assert not refused.database.data_directory.exists()
    assert place in await start_and_stop(refused)
    assert "died" not in caplog.text


async def test_a_wrong_certificate_leaves_nothing_behind(
    settings: Settings, empty_database_url: str, tmp_path: Path
) -> None:
    """It is read before the database is touched."""
    (tmp_path / "no.pem").touch()
    both = partial(str, tmp_path / "no.pem")
    wrong = settings(RELAYD_SERVER__TLS_CERTIFICATE=both(), RELAYD_SERVER__TLS_KEY=both())
    with pytest.RaisesGroup(ConfigError, flatten_subgroups=True, allow_unwrapped=True):
        await start_and_stop(wrong)
    assert tables(empty_database_url) == []


@pytest.mark.parametrize("sold", [True, False])
async def test_packages_are_told_where_they_are_sold(
    settings: Settings, caplog: pytest.LogCaptureFixture, *, sold: bool
) -> None:
    """Without a key of Stripe's nothing is for sale, and no line says so."""
    caplog.set_level("INFO")
    selling = {
        "RELAYD_SERVER__PUBLIC_URL": "https://relay.example.org",
        "RELAYD_STRIPE__API_KEY": "sk_test_x",
        "RELAYD_STRIPE__API_URL": "http://127.0.0.1:9",
        "RELAYD_STRIPE__WEBHOOK_SECRETS": "whsec_x",
    }
    await start_and_stop(settings(**selling if sold else {}))
    events = [one.getMessage() for one in caplog.records]
    assert events.count("package for sale") == (3 if sold else 0)
    assert events.count("sales") == 1


async def test_what_check_would_say_is_in_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever never ran it finds what is open to whom at the start."""
    await start_and_stop(settings())
    assert "configuration" not in [one.getMessage() for one in caplog.records]
    await start_and_stop(settings(RELAYD_SERVER__LISTEN="0.0.0.0:0"))
    told = [one for one in caplog.records if one.getMessage() == "configuration"]
    assert {one.levelname for one in told} == {"WARNING"}
    assert len(told) == 2
