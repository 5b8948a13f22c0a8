"""The mail server, spoken to: encryption, credentials, and what may be tried again."""

import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trio

from relayd import config
from relayd.checks import mail
from relayd.config import Auth, Config, Mail, Secret, Server
from relayd.errors import MailUnavailable
from relayd.mail.letters import LetterText
from relayd.mail.postman import compose
from relayd.mail.smtp import SmtpCarrier
from tests.certificates import Authority
from tests.mail.standin import MailServer, open_mail_server

TO = "ada@example.com"


def message(recipient: str = TO) -> EmailMessage:
    """A mail."""
    text = LetterText("Grüße", "Hello,\n\n.a line that begins with a dot\n")
    return compose(text, "Ada's Minutes", "relay@example.org", recipient)


def carrier(server: MailServer, trust: ssl.SSLContext | None = None, **more: Any) -> SmtpCarrier:
    """Speaks to this server; unencrypted, unless told otherwise."""
    usual: dict[str, Any] = {
        "host": "localhost",
        "port": server.port,
        "encryption": "none",
        "sender": "relay@example.org",
    }
    settings = Mail(**usual | more)
    return SmtpCarrier(settings, "relay.example.org", trio.CapacityLimiter(1), trust, 5)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that signed a certificate for localhost."""
    made = Authority.make(tmp_path_factory.mktemp("authority"))
    made.sign("localhost")
    return made


async def test_a_mail_arrives() -> None:
    """As it was written, from the seller, to one recipient."""
    with open_mail_server() as server:
        assert await carrier(server).carry(message()) is None
    (received,) = server.received
    assert received.recipients == (TO,)
    assert received.message["From"] == "Ada's Minutes <relay@example.org>"
    assert received.message["Subject"] == "Grüße"
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.text == "Hello,\n\n.a line that begins with a dot\n"


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_encryption(authority: Authority, encryption: str) -> None:
    """Credentials go over TLS, to a server whose certificate is right, and to no other."""
    pair = (authority.directory / "localhost.pem", authority.directory / "localhost.key")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    signing: dict[str, Any] = {
        "encryption": encryption,
        "user": "relay",
        "password": Secret("sesame"),
    }
    with open_mail_server(pair, at_once=encryption == "tls", password="sesame") as server:
        assert await carrier(server, trust, **signing).carry(message()) is None
        with pytest.raises(MailUnavailable, match="certificate is not trusted") as error:
            await carrier(server, **signing).carry(message())
    assert error.value.refused
    (received,) = server.received
    assert (received.encrypted, received.user) == (True, "relay")
    assert server.commands.count("AUTH") == 1


async def test_no_starttls() -> None:
    """A server without it gets neither mail nor password."""
    with open_mail_server() as server:
        sending = carrier(server, encryption="starttls", user="x", password=Secret("y"))
        with pytest.raises(MailUnavailable, match="lacks what is configured") as error:
            await sending.carry(message())
    assert error.value.refused
    assert not {"AUTH", "MAIL"} & set(server.commands)


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("RCPT", "550 5.1.1 no such user", "550 5.1.1 no such user"),
        ("RCPT", "451 later", None),
        ("END", "554 5.7.1 looks like spam", "554 5.7.1 looks like spam"),
        ("END", "452 full", None),
    ],
)
async def test_what_is_said_against_a_mail(command: str, answer: str, outcome: str | None) -> None:
    """For good, it comes back as an answer; for now, it may be tried again."""
    with open_mail_server() as server:
        server.answers[command] = answer
        if outcome is not None:
            assert await carrier(server).carry(message()) == outcome
            return
        with pytest.raises(MailUnavailable) as error:
            await carrier(server).carry(message())
    assert not error.value.refused


async def test_wrong_credentials() -> None:
    """A person has to mend them; the password stands in no text."""
    with open_mail_server(password="sesame") as server:
        sending = carrier(server, user="relay", password=Secret("open barley"))
        with pytest.raises(MailUnavailable, match="535") as error:
            await sending.carry(message())
    assert error.value.refused
    assert "barley" not in str(error.value)


async def test_nobody_there() -> None:
    """That may be tried again."""
    with open_mail_server() as server:
        pass
    with pytest.raises(MailUnavailable, match="can't be reached") as error:
        await carrier(server).carry(message())
    assert not error.value.refused


async def test_an_address_beyond_ascii() -> None:
    """A server that takes none says so for good."""
    with open_mail_server() as server:
        refusal = await carrier(server).carry(message("ädä@example.com"))
    assert refusal == "the mail server takes no address with letters beyond ASCII"


async def test_the_check(tmp_path: Path) -> None:
    """`relayd check` signs in and leaves, and says what to do where that fails."""
    with open_mail_server(password="sesame") as server:
        found = []
        for password in ("sesame", "wrong"):
            settings = Mail(
                host="127.0.0.1",
                port=server.port,
                encryption="none",
                sender="relay@example.org",
                user="relay",
                password=Secret(password),
            )
            found.append(
                await mail.reach(
                    Config(
                        auth=Auth(secret=Secret("s"), pepper=Secret("p")),
                        server=Server(public_url="https://relay.example.org"),
                        mail=settings,
                    )
                )
            )
    assert [one.well for one in found] == [True, False]
    assert "mail.password" in found[1].remedy
    assert config.Mail().on is False
    assert server.received == []
