"""The settings panel: what it shows is what apps get, and nothing waits on the GUI's thread."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from pytestqt.qtbot import QtBot

from relayd.client import MemoryVault, Mode, Profile, Settings
from relayd.client.accounts import About, Accounts, Tokens
from relayd.client.errors import ConnectError, RequestError
from relayd.client.machine import MachineEngine
from relayd.desktop.errands import Errands
from relayd.desktop.panel import SettingsPanel
from tests.client.live.conftest import Listening

URL = "https://relay.example"


@attrs.define
class Relay:
    """What the accounts of a relay answer, and in which threads they were asked."""

    threads: set[int] = attrs.field(factory=set)
    code_needed: bool = False
    reachable: bool = True

    async def about(self, _: Any) -> About:
        """It is one, and sells."""
        self._asked()
        return About("0.1.0", sells=True)

    async def login(self, _: Any, email: str, password: str, **more: str) -> Tokens:
        """Anybody with the right password and code."""
        self._asked()
        if password != "right":
            raise RequestError(401, "wrong_credentials", "E-mail or password is wrong.")
        if self.code_needed and more.get("code") != "123456":
            raise RequestError(401, "code_needed", "Type the code of your authenticator app.")
        return Tokens("access", "refresh", 600)

    async def register(self, _: Any, email: str, password: str) -> Tokens:
        """Anybody new."""
        self._asked()
        return Tokens("access", "refresh", 600)

    async def logout(self, _: Any, refresh_token: str) -> None:
        """Forget it."""
        self._asked()

    async def me(self, _: Any, token: str) -> Profile:
        """Ten minutes."""
        self._asked()
        return Profile("a@example.org", 600.0, "2026-01-01")

    def _asked(self) -> None:
        self.threads.add(threading.get_ident())
        if not self.reachable:
            raise ConnectError("nobody answers there")


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Relay:
    """In place of the network."""
    found = Relay()

    def answers(name: str) -> Callable[..., Any]:
        async def answer(accounts: Any, *given: Any, **named: Any) -> Any:
            return await getattr(found, name)(accounts, *given, **named)

        return answer

    for name in ("about", "login", "register", "logout", "me"):
        monkeypatch.setattr(Accounts, name, answers(name))
    return found


def panel(qtbot: QtBot, settings: Settings, vault: MemoryVault | None = None) -> SettingsPanel:
    """A panel that shows these settings."""
    made = SettingsPanel(vault or MemoryVault())
    qtbot.addWidget(made)
    made.show_settings(settings)
    return made


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_shown_is_what_it_gives(qtbot: QtBot, mode: Mode) -> None:
    """Settings go in and come out as they were, for each of the ways."""
    settings = Settings(mode, deepgram_model="nova-2", language="de", options={"keyterm": ["a"]})
    shown = panel(qtbot, settings).settings()
    assert attrs.evolve(shown, server_url="") == settings


def test_a_change_is_told(qtbot: QtBot) -> None:
    """Whoever placed the panel hears of another mode, and of a field that was edited."""
    made = panel(qtbot, Settings())
    told: list[Mode] = []
    made.changed.connect(lambda: told.append(made.settings().mode))
    made.mode.setCurrentIndex(2)
    made.own_key.model.setCurrentText("nova-2")
    assert told == [Mode.BYOK, Mode.BYOK]
    assert made.settings().mode is Mode.BYOK


def test_the_key_of_the_keyring_is_used(qtbot: QtBot) -> None:
    """It is fetched off the GUI's thread, and shown as dots."""
    vault = MemoryVault({"byok_api_key": "secret"})
    made = panel(qtbot, Settings(Mode.BYOK), vault)
    qtbot.waitUntil(lambda: made.settings().byok_api_key == "secret")
    assert made.own_key.key.displayText() == "●" * 6


def test_a_server_is_looked_at(qtbot: QtBot, relay: Relay) -> None:
    """The check says what is there; a clear-text address is refused before anything is asked."""
    made = panel(qtbot, Settings()).managed
    made.server.setText("http://relay.example")
    made.look.click()
    assert "must be https://" in made.told.text()
    assert relay.threads == set()
    made.server.setText(URL)
    made.look.click()
    qtbot.waitUntil(lambda: "version 0.1.0" in made.told.text())
    assert threading.get_ident() not in relay.threads


def test_a_missing_address_is_asked_for_in_words(qtbot: QtBot) -> None:
    """The field is named as the panel has it, not as a file does."""
    shown = panel(qtbot, Settings())
    shown.managed.look.click()
    assert shown.managed.told.text() == "Server: no address yet, such as https://relay.example"


def test_signing_in_shows_the_minutes(qtbot: QtBot, relay: Relay) -> None:
    """A wrong password says so; the right one shows the balance and is not kept in its field."""
    made = panel(qtbot, Settings()).managed
    made.server.setText(URL)
    made.email.setText("a@example.org")
    made.password.setText("wrong")
    made.log_in.click()
    assert not made.log_in.isEnabled()
    qtbot.waitUntil(lambda: made.told.text() == "E-mail or password is wrong.")
    made.password.setText("right")
    made.log_in.click()
    qtbot.waitUntil(lambda: made.balance.text() == "10.0 minutes left.")
    assert made.password.text() == ""
    assert made.log_in.isEnabled()


def test_registering_and_signing_out(qtbot: QtBot, relay: Relay) -> None:
    """A new account is signed in at once; after signing out nothing of it is in the keyring."""
    vault = MemoryVault()
    made = panel(qtbot, Settings(), vault).managed
    made.server.setText(URL)
    made.register.click()
    qtbot.waitUntil(lambda: made.balance.text() == "10.0 minutes left.")
    assert vault.secrets.keys() == {f"session {URL}"}
    made.sign_out.click()
    qtbot.waitUntil(lambda: made.balance.text() == "Not signed in.")
    assert vault.secrets == {}


def test_minutes_are_bought_in_the_browser(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the server's own address."""
    opened: list[str] = []
    monkeypatch.setattr(
        "relayd.desktop.pages.QDesktopServices.openUrl", lambda url: opened.append(url.toString())
    )
    made = panel(qtbot, Settings()).managed
    made.server.setText(URL)
    made.buy.click()
    assert opened == [URL]


def test_a_key_is_tried_before_it_is_kept(qtbot: QtBot, listening: Listening) -> None:
    """Deepgram is asked, without sound; a key that it doesn't know stays out of the keyring."""
    vault = MemoryVault()
    made = panel(qtbot, Settings.of(listening.config | {"byok_api_key": "wrong"}), vault).own_key
    qtbot.waitUntil(made.check.isEnabled)
    made.check.click()
    qtbot.waitUntil(lambda: "doesn't know this key" in made.told.text())
    assert vault.secrets == {}
    made.key.setText(listening.stand_in.key)
    qtbot.waitUntil(made.check.isEnabled)
    made.check.click()
    qtbot.waitUntil(lambda: "takes this key" in made.told.text())
    assert vault.secrets == {"byok_api_key": listening.stand_in.key}
    assert [one.audio_bytes for one in listening.stand_in.records] == [0, 0]


def test_a_second_factor_is_asked_for_when_it_is_needed(qtbot: QtBot, relay: Relay) -> None:
    """Its field appears then, and not before."""
    relay.code_needed = True
    made = panel(qtbot, Settings()).managed
    made.server.setText(URL)
    made.password.setText("right")
    assert not made.form.isRowVisible(made.code)
    made.log_in.click()
    qtbot.waitUntil(lambda: made.form.isRowVisible(made.code))
    made.code.setText("123456")
    made.log_in.click()
    qtbot.waitUntil(lambda: made.balance.text() == "10.0 minutes left.")


def test_everything_can_be_reached_and_has_a_name(qtbot: QtBot) -> None:
    """By the keyboard, and by who has it read aloud."""
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the platform is set
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit  # noqa: PLC0415

    made = panel(qtbot, Settings())
    inner = {box.lineEdit() for box in made.findChildren(QComboBox)}
    for widget in (*made.findChildren(QLineEdit), *made.findChildren(QComboBox)):
        if widget not in inner:
            assert widget.accessibleName(), widget.objectName()
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    for button in made.findChildren(QAbstractButton):
        assert button.text()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_no_letter_leads_to_two_places(qtbot: QtBot) -> None:
    """Alt with a letter reaches one field or button of the page that is shown."""
    from PySide6.QtWidgets import QAbstractButton, QLabel  # noqa: PLC0415 - as above

    made = panel(qtbot, Settings())
    around = ["&Transcription", "M&icrophone"]
    for page in (made.local, made.managed, made.own_key):
        texts = [*around, *(one.text() for one in page.findChildren(QAbstractButton))]
        texts += [one.text() for one in page.findChildren(QLabel)]
        letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert sorted(letters) == sorted(set(letters))
        assert len(letters) > len(around)


def test_an_errand_that_outlives_its_widget_is_not_told(qtbot: QtBot) -> None:
    """A panel may be closed while the network is slow."""
    from PySide6.QtCore import QObject  # noqa: PLC0415 - after the platform is set
    from shiboken6 import delete  # noqa: PLC0415

    owner, go_on, told = QObject(), threading.Event(), []

    async def slow() -> str:
        await trio.to_thread.run_sync(go_on.wait)
        return "late"

    errands = Errands(owner)
    errands.run(slow, told.append, lambda words, error: told.append(words))
    thread = next(one for one in threading.enumerate() if one.name == "relayd-errand")
    delete(owner)
    go_on.set()
    thread.join(10)
    qtbot.wait(1)
    assert told == []


def test_what_this_computer_lacks_is_said(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page offers every engine, says whether the chosen one is ready, and fetches a model."""
    lacking = {"whisper": "there is no model in /models"}

    def engines(language: str = "", model: str = "") -> list[MachineEngine]:
        names = ("whisper",) if language == "de" else ("moonshine", "whisper")
        return [MachineEngine(name, name.title(), lacking.get(name, "")) for name in names]

    def fetch(reached: Callable[[int, int | None], None]) -> Path:
        reached(74, 148)
        assert go_on.wait(10)
        lacking.clear()
        return Path("/models/ggml-base.bin")

    go_on = threading.Event()
    monkeypatch.setattr("relayd.client.machine.engines", engines)
    monkeypatch.setattr("relayd.desktop.local_page.engines", engines)
    monkeypatch.setattr("relayd.desktop.local_page.fetch_model", fetch)
    made = panel(qtbot, Settings(Mode.LOCAL))
    page = made.local
    assert "Ready. Moonshine: good words" in page.told.text()
    page.language.setCurrentText("de")
    assert "Whisper is not ready on this computer: there is no model" in page.told.text()
    assert page.fetch.isVisibleTo(page)
    page.fetch.click()
    qtbot.waitUntil(lambda: page.told.text() == "Fetching … 50 %")
    go_on.set()
    qtbot.waitUntil(lambda: page.told.text().startswith("Ready. Whisper"))
    assert not page.fetch.isVisibleTo(page)
    page.engine.setCurrentIndex(page.engine.findData("whisper"))
    shown = made.settings()
    assert (shown.local_engine, shown.language) == ("whisper", "de")
