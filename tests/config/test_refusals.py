"""What is refused, by which key, in which words; relayd/config values, forms, contradictions."""

import re
from pathlib import Path

import pytest

from relayd.config import Config, load
from relayd.config.keys import KeyField, walk
from relayd.errors import ConfigError
from tests.config.files import SECRET, SECRETS, read, write

# What the file says, the key at fault, and a part of what the operator is told.
REFUSALS = [
    ("[server]\nlisen = 1", "server.lisen", "did you mean server.listen?"),
    ("[serve]\nlisten = 1", "serve", "relayd.toml.example lists"),
    ("[limits]\nhold_seconds = 3", "limits.hold_seconds", "did you mean metering.hold_seconds?"),
    ("[auth]\nsecret_fil = 'x'", "auth.secret_fil", "did you mean auth.secret_file?"),
    ("[log]\nlevel_file = 'x'", "log.level_file", "not a known key"),
    ("server = 3", "server", "is a section: write [server]"),
    ("[server.listen]\nx = 1", "server.listen", "a text in quotes"),
    (
        "[metering]\nhold_seconds = '30'",
        "metering.hold_seconds",
        "a whole number (seconds), not '30'",
    ),
    ("[metering]\nhold_seconds = 1.5", "metering.hold_seconds", "number (seconds), not 1.5"),
    ("[metering]\nhold_seconds = true", "metering.hold_seconds", "(seconds), not true"),
    ("[metering]\nhold_seconds = 0", "metering.hold_seconds", "from 1 to 600 seconds, not 0"),
    ("[metering]\nflush_seconds = nan", "metering.flush_seconds", "from 0.1 to 60 seconds"),
    ("[metering]\nflush_seconds = inf", "metering.flush_seconds", "from 0.1 to 60 seconds"),
    ("[metering]\ncredits_low_seconds = [60, 0]", "metering.credits_low_seconds", "from 1 to"),
    (
        "[batch]\nupload_bytes_max = 1",
        "batch.upload_bytes_max",
        "must be from 1024 to 1099511627776 bytes, not 1",
    ),
    ("[log]\nlevel = 'loud'", "log.level", '"debug", "info", "warning", "error", not \'loud\''),
    ("[server]\nlisten = '8080'", "server.listen", '"host:port"'),
    ("[server]\nlisten = '::1:8080'", "server.listen", '"[IPv6]:port"'),
    ("[server]\nlisten = '127.0.0.1:99999'", "server.listen", '"host:port"'),
    ("[server]\nlisten = []", "server.listen", "needs an address"),
    ("[server]\nlisten = [8080]", "server.listen", "or a list of them, not 8080"),
    ("[server]\ntrusted_proxies = '10.0.0.1/8'", "server.trusted_proxies", "network"),
    ("[server]\ntrusted_proxies = '10.0.0.1'", "server.public_url", "beside server.trusted"),
    ("[server]\norigins = '*'", "server.origins", "name each origin"),
    ("[server]\norigins = 'https://*.a.org'", "server.origins", "name each origin"),
    ("[server]\norigins = 'https://a.org/'", "server.origins", "end after the host"),
    ("[server]\norigins = 'a.org'", "server.origins", "https://host"),
    ("[server]\norigins = 'https://A.org'", "server.origins", "lower case"),
    ("[server]\npublic_url = 'relay.example.org'", "server.public_url", "http or https URL"),
    ("[server]\ntls_certificate = 'c.pem'", "server.tls_key", "beside server.tls_certificate"),
    ("[server]\ntls_key = 'k.pem'", "server.tls_certificate", "beside server.tls_key"),
    ("[database]\nurl = 'mysql://h/d'", "database.url", "a PostgreSQL URL"),
    ("[database]\nlock_seconds = 5", "database.lock_seconds", "below database.statement_seconds"),
    ("[auth]\naccess_minutes = 50000", "auth.access_minutes", "not be above 43200"),
    ("[metering]\nflush_seconds = 30", "metering.flush_seconds", "below metering.hold_seconds"),
    ("[metering]\nheartbeat_seconds = 20", "metering.dead_seconds", "three times"),
    ("[database]\nstatement_seconds = 36", "metering.dead_seconds", "together (46)"),
    (
        "[metering]\nheartbeat_seconds = 1\ndead_seconds = 4\nhold_seconds = 2\nflush_seconds = 1",
        "metering.dead_seconds",
        "database.statement_seconds together (11)",
    ),
    ("[metering]\nhold_seconds = 60", "metering.dead_seconds", "flush_seconds together (65)"),
    ("[engine]\ndefault = 'whisper'", "engine.default", '"deepgram", "moonshine", "sphinx"'),
    ("[engine]\ndefault = 'deepgram'", "engine.default", "needs engines.deepgram.api_key"),
    ("[engine]\nengines = ['deepgram', 'sphinx']", "engine.engines", "engines.deepgram.api_key"),
    ("[engine]\nengines = ['whisper']", "engine.engines", '"deepgram", "moonshine", "sphinx"'),
    ("[engine]\nengines = ['sphinx', 'sphinx']", "engine.engines", "names an engine twice"),
    ("[engine]\ndefault = 'sphinx'\nengines = ['sphinx']", "engine.default", "leave one out"),
    ("[engines.deepgram]\nurl = 'ws://api.deepgram.com'", "engines.deepgram.url", "unencrypted"),
    ("[engines.deepgram]\nurl = 'https://api.deepgram.com'", "engines.deepgram.url", "wss://"),
    ("[engines.deepgram]\nurl = 'wss://k@h.example'", "engines.deepgram.url", "neither a key"),
    ("[engines.sphinx]\nworkers_spare = 9", "engines.sphinx.workers_spare", "not be above"),
    ("[engines.moonshine]\nworkers_spare = 9", "engines.moonshine.workers_spare", "not be above"),
    ("[auth]\nsecret_file = 7", "auth.secret_file", "a path in quotes"),
]


@pytest.mark.parametrize(("text", "key", "told"), REFUSALS, ids=[text for text, _, _ in REFUSALS])
def test_refused_by_name(tmp_path: Path, text: str, key: str, told: str) -> None:
    """A wrong value is refused with its key's name and what would be right."""
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        load(write(tmp_path, text), SECRETS)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:1", "ws://[::1]:1", "ws://localhost", "wss://h.example"]
)
def test_plain_engine_urls_to_loopback(tmp_path: Path, url: str) -> None:
    """Unencrypted to this machine, encrypted to anywhere."""
    text = f"[engines.deepgram]\nurl = '{url}'"
    assert read(tmp_path, text).engines.deepgram.url == url


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("RELAYD_SERVER__LISEN", "set by the variable RELAYD_SERVER__LISEN"),
        ("RELAYD_METERING__HOLD_SECONDS", r"a whole number \(seconds\), not 'x'"),
        ("RELAYD_METERING__FLUSH_SECONDS", r"a number \(seconds\), not 'x'"),
    ],
)
def test_the_environment_is_checked_too(tmp_path: Path, variable: str, told: str) -> None:
    """A misspelt variable is an error, not a default."""
    with pytest.raises(ConfigError, match=told):
        read(tmp_path, "", {variable: "x"})


def test_a_secret_said_twice(tmp_path: Path) -> None:
    """Nobody has to guess which of the two holds."""
    text = "[auth]\nsecret = 'x'\nsecret_file = 'y'"
    with pytest.raises(ConfigError, match="keep one of them"):
        load(write(tmp_path, text), SECRETS)


def test_an_unreadable_secret_file(tmp_path: Path) -> None:
    """The path and the reason are told."""
    with pytest.raises(ConfigError, match="No such file") as caught:
        load(write(tmp_path, "[auth]\nsecret_file = 'missing'"), SECRETS)
    assert caught.value.key == "auth.secret_file"


@pytest.mark.parametrize("content", [b"\xff" * 64, b"x" * 70_000])
def test_a_secret_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    """Binary or huge content was named by mistake, and none of it is shown."""
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "[auth]\nsecret_file = 'key'"), SECRETS)
    assert "xx" not in str(caught.value)
    assert "ff" not in str(caught.value)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    """The line is told."""
    with pytest.raises(ConfigError, match=r"not valid TOML.*line 2"):
        read(tmp_path, "[server]\nlisten = = 1")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """What --config named must exist."""
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "relayd.toml", SECRETS)


SECRET_FIELDS = [field for field in walk(Config) if field.secret]


@pytest.mark.parametrize("field", SECRET_FIELDS, ids=[one.name for one in SECRET_FIELDS])
@pytest.mark.parametrize("value", ["'sesame'", "12345", "['sesame']", "{ sesame = 1 }"])
def test_no_error_shows_a_secret(tmp_path: Path, field: KeyField, value: str) -> None:
    """Whatever is wrong with a secret, its value does not stand in the message."""
    section, _, key = field.name.rpartition(".")
    # Where the value is fine, a required secret is missing.
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, f"[{section}]\n{key} = {value}"), {})
    assert "sesame" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_a_short_secret(tmp_path: Path) -> None:
    """Under 32 bytes a signature can be guessed; an empty one says `relayd init`."""
    with pytest.raises(ConfigError, match="is 31 bytes long and must be 32 or more"):
        read(tmp_path, "", {"RELAYD_AUTH__SECRET": SECRET[:31]})
    with pytest.raises(ConfigError, match="is empty; `relayd init`"):
        read(tmp_path, "", {"RELAYD_AUTH__PEPPER": ""})


PUBLIC = "[server]\npublic_url = 'https://relay.example.org'\n"
MAIL = "host = 'smtp.example.org'\nsender = 'relay@example.org'\n"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("[mail]\nhost = 'smtp.example.org:587'", "mail.host", "host name or an IP address alone"),
        ("[mail]\nsender = 'Ada <a@example.org>'", "mail.sender", "an email address alone"),
        ("[mail]\nhost = 'smtp.example.org'", "mail.sender", "needed beside mail.host"),
        (f"[mail]\n{MAIL}", "server.public_url", "links in mails lead there"),
        (f"{PUBLIC}[mail]\n{MAIL}user = 'relay'", "mail.password", "needed beside the other"),
        (f"{PUBLIC}[mail]\n{MAIL}password = 'sesame'", "mail.user", "needed beside the other"),
        (f"{PUBLIC}[mail]\n{MAIL}encryption = 'none'", "mail.encryption", "only to loopback"),
        (f"{PUBLIC}[mail]\n{MAIL}encryption = 'ssl'", "mail.encryption", "starttls"),
    ],
)
def test_mail_that_can_not_be_sent(tmp_path: Path, text: str, key: str, problem: str) -> None:
    """What is missing, or would show links to strangers, is refused by name."""
    with pytest.raises(ConfigError, match=problem) as caught:
        read(tmp_path, text)
    assert caught.value.key == key


def test_mail_that_can_be_sent(tmp_path: Path) -> None:
    """A host and a sender are enough beside the server's own address."""
    loaded = read(tmp_path, f"{PUBLIC}[mail]\n{MAIL}")
    assert (loaded.mail.on, loaded.mail.port, loaded.mail.encryption) == (True, 587, "starttls")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[engines.openai_servers]]\nname = 'groq'", r"openai_servers\[0\]\.url"),
        ("[[engines.openai_servers]]\nname = 'deepgram'\nurl = 'https://x.example'", "name"),
        (
            2 * "[[engines.openai_servers]]\nname = 'a'\nurl = 'https://x.example'\n",
            r"openai_servers\[1\]\.name",
        ),
        ("[[models]]\nname = 'w'\nengines = ['groq:large']", r"models\[0\]\.engines.*groq"),
    ],
)
def test_servers_with_openais_interface(tmp_path: Path, text: str, named: str) -> None:
    """Each has an address and a name of its own, and models name only engines that there are."""
    with pytest.raises(ConfigError, match=named):
        load(write(tmp_path, text), SECRETS)
