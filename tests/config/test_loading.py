"""Sources and their order; relayd/config/loading.py and sources.py."""

from pathlib import Path

import pytest

from relayd.config import Config, Metering, Secret, load
from relayd.config.keys import walk
from relayd.errors import ConfigError
from tests.config.files import PEPPER, SECRET, SECRETS, read, write

AUTH = f'[auth]\nsecret = "{SECRET}"\npepper = "{PEPPER}"\n'


def test_an_empty_file_gives_every_default(tmp_path: Path) -> None:
    """What nobody set has the default of its class."""
    config = read(tmp_path, "")
    assert config.metering == Metering()
    assert config.server.listen == ("127.0.0.1:8080",)
    assert config.path == tmp_path / "relayd.toml"


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    """A key set twice has the environment's value; others keep the file's."""
    text = "[metering]\nhold_seconds = 40\nflush_seconds = 2.5\n"
    config = read(tmp_path, text, {"RELAYD_METERING__HOLD_SECONDS": "20"})
    assert config.metering.hold_seconds == 20
    assert config.metering.flush_seconds == 2.5


def test_nested_sections_in_the_environment(tmp_path: Path) -> None:
    """Two underscores stand for each dot, one belongs to the key's name."""
    config = read(tmp_path, "", {"RELAYD_ENGINES__DEEPGRAM__API_KEY": "k"})
    assert config.engines.deepgram.api_key.reveal() == "k"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:1, [::1]:2", ("127.0.0.1:1", "[::1]:2")),
        ("[::1]:2", ("[::1]:2",)),
        ('["127.0.0.1:1", "127.0.0.1:2"]', ("127.0.0.1:1", "127.0.0.1:2")),
    ],
)
def test_lists_in_the_environment(tmp_path: Path, text: str, expected: tuple[str, ...]) -> None:
    """A list is comma separated or TOML, and one IPv6 listener is no TOML list."""
    assert read(tmp_path, "", {"RELAYD_SERVER__LISTEN": text}).server.listen == expected


def test_one_value_stands_for_a_list_of_one(tmp_path: Path) -> None:
    """`listen = "…"` needs no brackets."""
    assert read(tmp_path, '[server]\nlisten = "[::1]:0"\n').server.addresses == (("::1", 0),)
    assert read(tmp_path, '[server]\nlisten = ":8080"\n').server.addresses == (("", 8080),)


def test_a_variable_without_a_section_is_no_key(tmp_path: Path) -> None:
    """The client's own variables don't disturb the server."""
    assert read(tmp_path, "", {"RELAYD_TOKEN": "x"}).metering == Metering()


def test_a_secret_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    """`secret_file` is relative to relayd.toml, and white space around the secret is cut."""
    (tmp_path / "key").write_text(f"  {SECRET}\n")
    path = write(tmp_path, f'[auth]\nsecret_file = "key"\npepper = "{PEPPER}"\n')
    assert load(path, {}).auth.secret == Secret(SECRET)


def test_a_secret_file_named_by_the_environment(tmp_path: Path) -> None:
    """RELAYD_AUTH__SECRET_FILE is stronger than a secret in the file."""
    (tmp_path / "key").write_text("e" * 40)
    environ = {"RELAYD_AUTH__SECRET_FILE": str(tmp_path / "key")}
    assert load(write(tmp_path, AUTH), environ).auth.secret == Secret("e" * 40)


def test_a_secret_from_systemd(tmp_path: Path) -> None:
    """A credential is stronger than the file, and the environment stronger than it."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "auth.secret").write_text("c" * 40)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    path = write(tmp_path, AUTH)
    assert load(path, environ).auth.secret == Secret("c" * 40)
    assert load(path, environ | {"RELAYD_AUTH__SECRET": "v" * 40}).auth.secret.reveal() == "v" * 40


def test_a_directory_of_credentials_that_can_not_be_read(tmp_path: Path) -> None:
    """Without the secrets in it the daemon would run with others, or with none."""
    directory = str(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"CREDENTIALS_DIRECTORY.*gone.*can't be read: No such"):
        load(write(tmp_path, AUTH), {"CREDENTIALS_DIRECTORY": directory})


def test_every_secret_can_come_from_systemd(tmp_path: Path) -> None:
    """Whatever must not stand in relayd.toml has a credential of its dotted name."""
    values = {"database.url": "postgresql://h/d"}
    secrets = [field.name for field in walk(Config) if field.secret]
    assert set(secrets) == {
        "auth.secret",
        "auth.pepper",
        "database.url",
        "engines.deepgram.api_key",
        "engines.openai_compatible.api_key",
        "mail.password",
        "storage.access_key",
        "storage.secret_key",
        "stripe.api_key",
        "stripe.webhook_secrets",
    }
    for name in secrets:
        (tmp_path / name).write_text(values.get(name, "s" * 40))
    public = "[server]\npublic_url = 'https://relay.example.org'"
    config = load(write(tmp_path, public), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert config.database.url.reveal() == "postgresql://h/d"
    assert config.engines.deepgram.api_key


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """It does not matter from where relayd is started."""
    assert read(tmp_path, "").database.data_directory == tmp_path / "relayd-data"
    text = '[database]\ndata_directory = "d"\n'
    assert read(tmp_path, text).database.data_directory == tmp_path / "d"


def test_relative_paths_of_the_environment_start_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that somebody types means what it means in their shell."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    config = read(tmp_path, "", {"RELAYD_DATABASE__DATA_DIRECTORY": "d"})
    assert config.database.data_directory == tmp_path / "here" / "d"


def test_the_working_directory_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config, ./relayd.toml is read."""
    write(tmp_path, AUTH)
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).auth.secret == Secret(SECRET)


def test_the_environment_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container needs no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relayd.config.loading.DEFAULT_PATHS", (Path("relayd.toml"),))
    assert load(None, SECRETS).path is None


def test_without_any_source_the_way_on_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very first start says where was looked, and `relayd init`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relayd.config.loading.DEFAULT_PATHS", (Path("relayd.toml"),))
    with pytest.raises(ConfigError, match=r"no relayd\.toml.*relayd init"):
        load(None, {})


def test_inherited_socket_is_no_address(tmp_path: Path) -> None:
    """A socket of systemd's is accepted, and is nowhere that this machine could tell."""
    server = read(tmp_path, '[server]\nlisten = ["fd://3", "127.0.0.1:0"]\n').server

    assert server.listen == ("fd://3", "127.0.0.1:0")
    assert server.addresses == (("127.0.0.1", 0),)
