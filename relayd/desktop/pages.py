"""The pages of the settings panel for engines elsewhere: a relay, one's own key.

A page edits its part of `Settings` and says when that changed. What it asks of servers and of
the keyring goes through `Errands`.
"""

from collections.abc import Callable
from typing import Final

import attrs
import trio
from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from relayd.client.accounts import About, Accounts, Profile
from relayd.client.deepgram import MODEL, open_deepgram
from relayd.client.errors import RequestError
from relayd.client.live.credentials import Credentials
from relayd.client.live.settings import Settings
from relayd.client.live.vault import Vault
from relayd.desktop.errands import Errands, in_words

__all__ = ["LANGUAGES", "ManagedPage", "OwnKeyPage", "Page", "choice"]

_MODELS: Final = ("", "nova-3", "nova-2")
LANGUAGES: Final = ("", "en", "en-US", "en-GB", "de", "es", "fr", "it", "nl", "pt", "multi")
_KEY: Final = "byok_api_key"
_SERVERS: Final = "the server's choice"


class Page(QWidget):
    """A page. ``changed``: what it edits is another now."""

    changed = Signal()

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.vault = vault
        self.errands = Errands(self)
        self.form = QFormLayout()
        # Long texts below their label on narrow panels.
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByKeyboard)
        self.told.setAccessibleName("Result")
        layout = QVBoxLayout(self)
        layout.addLayout(self.form)
        layout.addWidget(self.told)
        layout.addStretch()

    def show_settings(self, settings: Settings) -> None:
        """Fill the fields."""

    def edited(self, settings: Settings) -> Settings:
        """These settings, with what the fields say."""
        return settings

    def explain(self, text: str) -> None:
        """A sentence above the fields."""
        label = QLabel(text)
        label.setWordWrap(True)
        self.form.addRow(label)

    def add_button(self, *buttons: QPushButton) -> None:
        """A row of buttons."""
        row = QHBoxLayout()
        for button in buttons:
            row.addWidget(button)
        row.addStretch()
        self.form.addRow(row)

    def say(self, text: str, _: object = None) -> None:
        """Tell what came of an errand."""
        self.told.setText(text)


class _SpokenPage(Page):
    """A page for an engine of many models and languages."""

    def _add_speech(self, model: str = _SERVERS, language: str = _SERVERS) -> None:
        """Fields for both, and what is used where they are left empty."""
        self.model = choice(_MODELS, "Model", "empty for the usual one, or a name", model)
        hint = "such as en-US; multi for several"
        self.language = choice(LANGUAGES, "Language", hint, language)
        self.form.addRow("&Model", self.model)
        self.form.addRow("Lan&guage", self.language)
        for box in (self.model, self.language):
            box.currentTextChanged.connect(self.changed)

    def show_settings(self, settings: Settings) -> None:
        """Fill the fields."""
        self.model.setCurrentText(settings.deepgram_model)
        self.language.setCurrentText(settings.language)

    def edited(self, settings: Settings) -> Settings:
        """With model and language."""
        return attrs.evolve(
            settings,
            deepgram_model=self.model.currentText().strip(),
            language=self.language.currentText().strip(),
        )


class OwnKeyPage(_SpokenPage):
    """Deepgram with the user's own key, which lies in the keyring."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(vault)
        self.explain("Sound goes straight to Deepgram, and Deepgram bills you. No relay is used.")
        self._url = Settings().deepgram_url
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText("stays in this computer's keyring")
        self.key.setAccessibleName("Deepgram key")
        self.form.addRow("Deepgram &key", self.key)
        self.check = QPushButton("&Check and keep")
        self.check.setAccessibleDescription("Opens a stream without sound, which costs nothing")
        self.check.clicked.connect(self._check)
        self.add_button(self.check)
        self._add_speech(MODEL, "English")
        self.key.textChanged.connect(self.changed)
        self.key.returnPressed.connect(self._check)
        self.errands.busy.connect(self.check.setDisabled)
        self._recall()

    def show_settings(self, settings: Settings) -> None:
        """Fill the fields; a key that is configured is shown as dots."""
        super().show_settings(settings)
        self._url = settings.deepgram_url
        self._show_key(settings.byok_api_key)

    def edited(self, settings: Settings) -> Settings:
        """With the key."""
        return attrs.evolve(super().edited(settings), byok_api_key=self.key.text().strip())

    def _recall(self) -> None:
        async def recall() -> str:
            return await trio.to_thread.run_sync(self.vault.get, _KEY)

        self.errands.run(recall, self._show_key, self.say)

    def _show_key(self, key: str) -> None:
        if key and not self.key.text():
            self.key.setText(key)

    def _check(self) -> None:
        key, url = self.key.text().strip(), self._url

        async def check() -> str:
            async with open_deepgram(key, url=url) as stream:
                await stream.stop()
            await trio.to_thread.run_sync(self.vault.set, _KEY, key)
            return "Deepgram takes this key. It is in the keyring now."

        self.say("Asking Deepgram …")
        self.errands.run(check, self.say, self.say)


class ManagedPage(_SpokenPage):
    """A relay: its address, the account there, the minutes left."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(vault)
        self.explain("Sound goes through a relayd server, which counts your minutes.")
        self.server = _field("Server address", "https://relay.example")
        self.form.addRow("&Server", self.server)
        self.look = QPushButton("&What is there?")
        self.look.clicked.connect(self._look)
        self.add_button(self.look)
        self.email = _field("E-mail address", "you@example.org")
        self.form.addRow("&E-mail", self.email)
        self.password = _field("Password", "")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.form.addRow("&Password", self.password)
        self.code = _field("Code of the authenticator app", "6 digits")
        self.form.addRow("C&ode", self.code)
        self.form.setRowVisible(self.code, False)
        self.log_in = QPushButton("&Log in")
        self.register = QPushButton("&Register")
        self.sign_out = QPushButton("Sign o&ut")
        self.add_button(self.log_in, self.register, self.sign_out)
        self.balance = QLabel("Not signed in.")
        self.balance.setAccessibleName("Minutes left")
        self.buy = QPushButton("&Buy minutes")
        self.buy.setAccessibleDescription("Opens the server's page in the browser")
        self.form.addRow(self.balance)
        self.add_button(self.buy)
        self._add_speech()
        self.log_in.clicked.connect(self._log_in)
        self.password.returnPressed.connect(self._log_in)
        self.code.returnPressed.connect(self._log_in)
        self.register.clicked.connect(self._register)
        self.sign_out.clicked.connect(self._sign_out)
        self.buy.clicked.connect(self._buy)
        self.server.textChanged.connect(self.changed)
        for button in (self.look, self.log_in, self.register, self.sign_out):
            self.errands.busy.connect(button.setDisabled)

    def show_settings(self, settings: Settings) -> None:
        """Fill the fields, and see whether somebody is signed in."""
        super().show_settings(settings)
        self.server.setText(settings.server_url)
        if settings.server_url:
            self.refresh()

    def edited(self, settings: Settings) -> Settings:
        """With the server."""
        return attrs.evolve(super().edited(settings), server_url=self.server.text().strip())

    def show_balance(self, seconds: float) -> None:
        """The credit, from whoever knows it."""
        self.balance.setText(f"{seconds / 60:.1f} minutes left.")

    def refresh(self) -> None:
        """Ask who is signed in; that nobody is, is no news."""
        self.errands.run(self._credentials().profile, self._show_profile, lambda *_: None)

    def _credentials(self) -> Credentials:
        return Credentials(Accounts(self.server.text().strip()), self.vault)

    def _look(self) -> None:
        def tell(about: About) -> None:
            sells = "Minutes can be bought there." if about.sells else "It sells no minutes."
            self.say(f"A relayd server, version {about.version}. {sells}")
            self.refresh()

        self.say("Looking …")
        self._ask(Accounts(self.server.text().strip()).about, tell)

    def _log_in(self) -> None:
        credentials, fields = self._credentials(), self._fields()
        code = self.code.text().strip()

        async def log_in() -> Profile:
            await credentials.sign_in(*fields, code)
            return await credentials.profile()

        self.say("Logging in …")
        self._ask(log_in, self._welcome)

    def _register(self) -> None:
        credentials, fields = self._credentials(), self._fields()

        async def register() -> Profile:
            await credentials.register(*fields)
            return await credentials.profile()

        self.say("Registering …")
        self._ask(register, self._welcome)

    def _sign_out(self) -> None:
        def tell(_: None) -> None:
            self.balance.setText("Not signed in.")
            self.say("Signed out.")

        self._ask(self._credentials().sign_out, tell)

    def _buy(self) -> None:
        QDesktopServices.openUrl(QUrl(self.server.text().strip()))

    def _fields(self) -> tuple[str, str]:
        return self.email.text().strip(), self.password.text()

    def _welcome(self, profile: Profile) -> None:
        self.password.clear()
        self.code.clear()
        self.form.setRowVisible(self.code, False)
        self.say("Signed in; this computer's keyring remembers it.")
        self._show_profile(profile)

    def _show_profile(self, profile: Profile) -> None:
        self.email.setText(profile.email)
        self.show_balance(profile.seconds_remaining)

    def _ask(self, work: Callable[..., object], done: Callable[..., object]) -> None:
        try:
            attrs.evolve(self.edited(Settings()), auth_token="").check()
        except ValueError as error:
            self.say(in_words(error))
            return
        self.errands.run(work, done, self._failed)  # type: ignore[arg-type]

    def _failed(self, words: str, error: Exception) -> None:
        if isinstance(error, RequestError) and error.code == "code_needed":
            self.form.setRowVisible(self.code, True)
            self.code.setFocus()
        self.say(words)


def _field(name: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(hint)
    return field


def choice(texts: tuple[str, ...], name: str, hint: str, otherwise: str) -> QComboBox:
    """A box with texts to choose from, and room for others; ``otherwise``: where it is empty."""
    box = QComboBox()
    box.setEditable(True)
    box.addItems(texts)
    box.setAccessibleName(name)
    box.setAccessibleDescription(hint)
    edit = box.lineEdit()
    assert edit is not None
    edit.setPlaceholderText(otherwise)
    return box
