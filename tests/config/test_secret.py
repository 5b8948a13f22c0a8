"""relayd/config/secret.py."""

from pathlib import Path

from relayd.config import Deepgram, Secret
from tests.config.files import PEPPER, SECRET, read


def test_a_secret_never_prints() -> None:
    """Neither str, repr, format, a container's repr nor %s shows it."""
    secret = Secret("sesame")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", repr([secret])]
    shown += ["%s %r" % (secret, secret), repr(Deepgram(api_key="sesame"))]  # noqa: UP031 - a way out
    assert not any("sesame" in one for one in shown)
    assert secret.reveal() == "sesame"


def test_the_whole_configuration_prints_without_secrets(tmp_path: Path) -> None:
    """A configuration in a traceback or a log line gives nothing away."""
    config = read(tmp_path, "[database]\nurl = 'postgresql://u:hunter2@h/d'")
    assert not any(one in repr(config) for one in (SECRET, PEPPER, "hunter2"))


def test_secrets_compare_by_value() -> None:
    """Equal texts are equal secrets, and an empty one counts as not set."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a")
    assert not Secret("")
