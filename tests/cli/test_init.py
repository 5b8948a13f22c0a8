"""relayd/cli/init.py."""

from pathlib import Path

import pytest

from relayd.cli.program import main
from relayd.cli.toolkit.exits import Exit
from relayd.config import load


def test_it_writes_a_configuration_that_loads(tmp_path: Path) -> None:
    """Nothing need be edited: the secrets are there, and only the owner may read them."""
    assert main(["init", str(tmp_path / "new")]) == Exit.OK
    path = tmp_path / "new" / "relayd.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    config = load(path, {})
    assert config.auth.secret != config.auth.pepper


def test_every_configuration_has_its_own_secrets(tmp_path: Path) -> None:
    """Two installations share nothing."""
    for name in ("a", "b"):
        main(["init", str(tmp_path / name)])
    first, second = (load(tmp_path / one / "relayd.toml", {}).auth for one in ("a", "b"))
    assert first.secret != second.secret
    assert first.pepper != second.pepper


def test_it_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing configuration, a link that leads nowhere too, is left as it is."""
    path = tmp_path / "relayd.toml"
    path.write_text("mine")
    assert main(["init", str(tmp_path)]) == Exit.USAGE
    assert path.read_text() == "mine"
    assert "exists and is left as it is" in capsys.readouterr().err
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert main(["init", str(tmp_path)]) == Exit.USAGE
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A DIR that is a file is refused in words."""
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == Exit.USAGE
    assert "is not a directory" in capsys.readouterr().err


def test_it_prints_what_comes_next_but_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next steps name this configuration; a secret on a screen is none."""
    main(["init", str(tmp_path)])
    told = capsys.readouterr().out
    assert f"relayd serve --config {tmp_path}/relayd.toml" in told
    assert load(tmp_path / "relayd.toml", {}).auth.secret.reveal() not in told


def test_the_data_directory_can_be_elsewhere(tmp_path: Path) -> None:
    """A service keeps its configuration in /etc and its database in /var."""
    data = tmp_path / 'a "b" \\ c'
    assert main(["init", str(tmp_path), "--data-directory", str(data)]) == Exit.OK
    assert load(tmp_path / "relayd.toml", {}).database.data_directory == data
