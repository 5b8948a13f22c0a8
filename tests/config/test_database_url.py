"""database.url: what is a PostgreSQL URL, and what is half of a password."""

import contextlib
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from relayd.config.forms import database_url
from relayd.errors import ConfigError
from tests.config.files import read


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "postgresql://relayd@db.example.org/relayd",
        "postgres://u:pass%25word%40x@db:5432/name",
        "postgresql://u:with#hash:and:colons@db/name",
        "postgresql://u@/name?host=%2Fvar%2Frun%2Fpostgresql",
        "postgresql:///name",
        "postgresql://u@[2001:db8::1]:5432/name?sslmode=verify-full&connect_timeout=3",
        "postgresql://u:p@one:5432,two:5433/name?target_session_attrs=read-write",
        "postgresql://?service=relayd&user=me%40server",
    ],
)
def test_urls_that_postgresql_reads(url: str) -> None:
    """They are taken, and divide as PostgreSQL's own parser divides them."""
    assert database_url(url) is None
    if url != "embedded":
        conninfo_to_dict(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:ses%ame@db/name",
        "postgresql://u:sesame%@db/name",
        "postgresql://u:ses%00ame@db/name",
        "postgresql://u:ses%ffame@db/name",
        "postgresql://u:ses ame@db/name",
        "postgresql://u:sesame\n@db/name",
        "postgresql://u:ses@ame@db/name",
        "postgresql://u:ses/ame@db/name",
        "postgresql://u:12/ame@db/name",
        "postgresql://u:sésame@db/name",
        "postgresql://u:ses?ame@db/name",
        "postgresql://u:ame?x=@db/name",
        "postgresql://u@db:port/name",
    ],
)
def test_what_is_not_escaped_is_told_without_the_password(tmp_path: Path, url: str) -> None:
    """One line that names the key and how to write the characters, and nothing of the secret."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "", {"RELAYD_DATABASE__URL": url})
    told = str(caught.value)
    assert caught.value.key == "database.url"
    assert "write % as %25, @ as %40" in told
    assert not any(part in told for part in ("ses", "ame", "u:"))
    assert caught.value.__cause__ is None


@given(user=st.text(min_size=1), password=st.text())
def test_any_password_can_be_escaped(user: str, password: str) -> None:
    """What the message says to do works, for every user and password that PostgreSQL takes."""
    user, password = (
        one.replace("\0", "").encode(errors="ignore").decode() or "x" for one in (user, password)
    )
    url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db/name"

    assert database_url(url) is None
    assert conninfo_to_dict(url)["password"] == password


@given(st.text(alphabet="u:@/%?# é[],2f0e", max_size=12))
def test_what_is_taken_can_be_read(userinfo: str) -> None:
    """PostgreSQL's parser finds the host in whatever passes, or fails: it tells no other as one."""
    url = f"postgresql://{userinfo}@db/name"
    if database_url(url) is None:
        # Failing is told without its text.
        with contextlib.suppress(psycopg.ProgrammingError):
            found = conninfo_to_dict(url)
            assert (found["host"], found["dbname"]) == ("db", "name")
