"""A daemon's configuration on an empty database."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict

from relayd import config
from tests.config.files import SECRETS

Settings = Callable[..., config.Config]


@pytest.fixture
def settings(empty_database_url: str, tmp_path: Path) -> Settings:
    """A configuration on an empty database, with some keys changed."""
    environ = SECRETS | {
        "RELAYD_SERVER__LISTEN": "127.0.0.1:0",
        "RELAYD_SERVER__PROCESSES": "1",
        "RELAYD_DATABASE__URL": "postgresql://?" + urlencode(conninfo_to_dict(empty_database_url)),
        "RELAYD_DATABASE__DATA_DIRECTORY": str(tmp_path / "data"),
        # Nobody works on recordings, and an engine that starts nothing.
        "RELAYD_BATCH__WORKERS": "0",
        "RELAYD_ENGINES__DEEPGRAM__API_KEY": "unused",
    }
    return lambda **changed: config.load(None, environ | changed)
