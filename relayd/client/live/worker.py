"""The thread in which a conversation runs, with a Trio of its own."""

import contextlib
import logging
import threading

import trio

from relayd.client.accounts import Accounts
from relayd.client.live.conversation import Conversation
from relayd.client.live.credentials import Credentials
from relayd.client.live.news import Problem, Standing, State, Tell
from relayd.client.live.settings import Settings
from relayd.client.live.sources import source_of
from relayd.client.live.tape import Tape
from relayd.client.live.vault import Vault
from relayd.client.transport import Connect, dial

__all__ = ["Worker", "converse"]

log = logging.getLogger(__name__)


class Worker:
    """One conversation in one thread. News are told in that thread."""

    def __init__(
        self, settings: Settings, vault: Vault, tape: Tape, tell: Tell, connect: Connect = dial
    ) -> None:
        self._tape = tape
        self._settings = settings
        self._vault = vault
        self._tell = tell
        self._connect = connect
        self._cut = False
        self._trio: tuple[trio.lowlevel.TrioToken, trio.CancelScope] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="relayd-client", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cut(self) -> None:
        """End it now, whatever it does; from any thread."""
        with self._lock:
            self._cut = True
            running = self._trio
        if running is not None:
            token, scope = running
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(scope.cancel)

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _work(self) -> None:
        ended = Standing(State.ENDED, "It was cut off before its last words.", "disconnected")
        try:
            trio.run(self._run)
        except Exception:
            log.exception("a fault of relayd-client")
            self._tell(Problem("relayd-client made a mistake; its log says which.", "fault"))
            ended = Standing(State.ENDED, "relayd-client made a mistake.", "fault")
        # Nothing is told after the first end.
        self._tell(ended)

    async def _run(self) -> None:
        with trio.CancelScope() as scope:
            with self._lock:
                self._trio = trio.lowlevel.current_trio_token(), scope
                if self._cut:
                    scope.cancel()
            await converse(self._settings, self._vault, self._tape, self._tell, self._connect)


async def converse(
    settings: Settings, vault: Vault, tape: Tape, tell: Tell, connect: Connect = dial
) -> None:
    """Run one conversation, until its end was told."""
    accounts = Accounts(settings.server_url, connect=connect)
    credentials = Credentials(accounts, vault, settings.auth_token)
    await Conversation(source_of(settings, credentials, connect), tape, tell).run()
