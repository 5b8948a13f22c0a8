"""A mail server of our own: speaks SMTP in threads, keeps what it is sent, and fails as told."""

import base64
import email
import email.policy
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import attrs

__all__ = ["MailServer", "Received", "open_mail_server"]

LINK = re.compile(r"https?://\S+#(\S+)")


@attrs.frozen
class Received:
    """One mail, and how it came."""

    message: EmailMessage
    recipients: tuple[str, ...]
    encrypted: bool
    user: str

    @property
    def text(self) -> str:
        """Its words."""
        return str(self.message.get_content()).replace("\r\n", "\n")

    @property
    def token(self) -> str:
        """What its link carries."""
        found = LINK.search(self.text)
        assert found is not None
        return found[1]


@attrs.define(eq=False)
class MailServer:
    """What was received, and what is to go wrong: answers by the first word of a command."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    # Who may send; empty for everybody.
    password: str = ""
    answers: dict[str, str] = attrs.field(factory=dict)
    received: list[Received] = attrs.field(factory=list)
    commands: list[str] = attrs.field(factory=list)
    _arrived: threading.Condition = attrs.field(factory=threading.Condition)

    def take(self, received: Received) -> None:
        """Keep a mail."""
        with self._arrived:
            self.received.append(received)
            self._arrived.notify_all()

    def await_mail(self, count: int, seconds: float = 20) -> Received:
        """The newest of so many mails, once they are there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, seconds)
            return self.received[count - 1]


@contextmanager
def open_mail_server(
    certificate: tuple[Path, Path] | None = None, *, at_once: bool = False, password: str = ""
) -> Iterator[MailServer]:
    """A server on loopback until left; with a certificate and key it offers STARTTLS.

    ``at_once``: it speaks TLS from the first byte.
    """
    server = MailServer(password=password)
    if certificate is not None:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(*certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            link = cast("socket.socket", self.request)
            link.settimeout(20)
            try:
                if at_once:
                    assert server.tls is not None
                    link = server.tls.wrap_socket(link, server_side=True)
                _Conversation(server, link, encrypted=at_once).run()
            except OSError:
                # The client didn't like us, or has gone.
                link.close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


@attrs.define(eq=False)
class _Conversation:
    server: MailServer
    link: socket.socket
    encrypted: bool
    user: str = ""
    recipients: list[str] = attrs.field(factory=list)
    _buffer: bytes = b""

    def run(self) -> None:
        """Until the client quits."""
        self._say("220 standin ready")
        while (line := self._line()) is not None:
            word = line.split(" ", 1)[0].upper()
            self.server.commands.append(word)
            if word in self.server.answers:
                self._say(self.server.answers[word])
                continue
            if word == "QUIT":
                self._say("221 bye")
                break
            self._obey(word, line)
        self.link.close()

    def _obey(self, word: str, line: str) -> None:
        match word:
            case "EHLO":
                self._say(*self._offers())
            case "STARTTLS":
                assert self.server.tls is not None
                self._say("220 go on")
                self.link = self.server.tls.wrap_socket(self.link, server_side=True)
                self.encrypted = True
            case "AUTH":
                self._authenticate(line)
            case "RCPT":
                self.recipients.append(line[line.index("<") + 1 : line.index(">")])
                self._say("250 fine")
            case "DATA":
                self._take_mail()
            case _:
                self._say("250 fine")

    def _offers(self) -> list[str]:
        offers = ["standin", "8BITMIME", "AUTH PLAIN"]
        if self.server.tls is not None and not self.encrypted:
            offers.append("STARTTLS")
        return [f"250-{one}" for one in offers[:-1]] + [f"250 {offers[-1]}"]

    def _authenticate(self, line: str) -> None:
        _, user, password = base64.b64decode(line.rsplit(" ", 1)[1]).decode().split("\0")
        if password != self.server.password:
            self._say("535 5.7.8 bad credentials")
            return
        self.user = user
        self._say("235 welcome")

    def _take_mail(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self._line()) != ".":
            assert line is not None
            lines.append(line.removeprefix("."))
        raw = ("\r\n".join(lines) + "\r\n").encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self._say(self.server.answers.get("END", "250 taken"))
        if "END" not in self.server.answers:
            received = Received(message, tuple(self.recipients), self.encrypted, self.user)
            self.server.take(received)
        self.recipients = []

    def _say(self, *lines: str) -> None:
        self.link.sendall("".join(f"{one}\r\n" for one in lines).encode())

    def _line(self) -> str | None:
        while b"\r\n" not in self._buffer:
            read = self.link.recv(65_536)
            if not read:
                return None
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode()
