"""The mail server, spoken to with the standard library's client in threads.

A mail takes a connection of its own: a small operator sends a few a minute, and a connection that
is kept has to be watched. Certificates are judged as for any other TLS.
"""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

import attrs
import trio

from relayd import config
from relayd.errors import MailUnavailable

__all__ = ["Carrier", "SmtpCarrier"]

# For each answer of the server's; a mail takes about eight of them.
ANSWER_SECONDS: Final = 20.0
_PERMANENT: Final = range(500, 600)
_TOLD_MAX: Final = 200


class Carrier(Protocol):
    """Takes mails to where they are delivered from."""

    async def carry(self, message: EmailMessage) -> str | None:
        """Hand over one mail; what is said against it for good, or None where it was taken.

        Raises MailUnavailable where it may be tried again.
        """


@attrs.frozen
class SmtpCarrier:
    """Implements `Carrier`. ``host_name``: who we say that we are."""

    settings: config.Mail
    host_name: str
    threads: trio.CapacityLimiter
    # Whose certificates are believed; None for this machine's authorities.
    trust: ssl.SSLContext | None = None
    answer_seconds: float = ANSWER_SECONDS

    @classmethod
    def configured(
        cls,
        settings: config.Mail,
        public_url: str,
        threads: trio.CapacityLimiter,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> Self:
        """As the operator has it; we say that we are the host of ``public_url``."""
        host_name = urlsplit(public_url).hostname or "localhost"
        return cls(settings, host_name, threads, answer_seconds=answer_seconds)

    async def carry(self, message: EmailMessage) -> str | None:
        """See the port."""
        return await trio.to_thread.run_sync(
            self._carry, message, limiter=self.threads, abandon_on_cancel=True
        )

    async def knock(self) -> None:
        """Connect, sign in and leave, without a mail. Raises MailUnavailable."""
        await trio.to_thread.run_sync(
            self._carry, None, limiter=self.threads, abandon_on_cancel=True
        )

    def _carry(self, message: EmailMessage | None) -> str | None:
        try:
            with self._connected() as server:
                if self.settings.user:
                    server.login(self.settings.user, self.settings.password.reveal())
                if message is not None:
                    server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            refusal = None if message is None else _refusal(error, message)
            if refusal is None:
                raise _unavailable(error) from error
            return refusal
        return None

    def _connected(self) -> smtplib.SMTP:
        settings, context = self.settings, self.trust or ssl.create_default_context()
        if settings.encryption == "tls":
            return smtplib.SMTP_SSL(
                settings.host,
                settings.port,
                self.host_name,
                timeout=self.answer_seconds,
                context=context,
            )
        server = smtplib.SMTP(
            settings.host, settings.port, self.host_name, timeout=self.answer_seconds
        )
        if settings.encryption == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def _refusal(error: Exception, message: EmailMessage) -> str | None:
    """What is said against this mail for good; None where another attempt may help."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return f"{code} {_told(said)}" if code in _PERMANENT else None
        case smtplib.SMTPDataError() if error.smtp_code in _PERMANENT:
            return f"{error.smtp_code} {_told(error.smtp_error)}"
        case smtplib.SMTPNotSupportedError() if not str(message["To"]).isascii():
            return "the mail server takes no address with letters beyond ASCII"
    return None


def _unavailable(error: Exception) -> MailUnavailable:
    """Why nothing can be sent now."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return MailUnavailable("the mail server doesn't take this address for now")
        case smtplib.SMTPResponseException():
            said = f"the mail server refuses: {error.smtp_code} {_told(error.smtp_error)}"
            return MailUnavailable(said, refused=error.smtp_code in _PERMANENT)
        case smtplib.SMTPNotSupportedError():
            said = f"the mail server lacks what is configured: {error}"
            return MailUnavailable(said, refused=True)
        case ssl.SSLCertVerificationError():
            said = f"the mail server's certificate is not trusted: {error.verify_message}"
            return MailUnavailable(said, refused=True)
        case _:
            return MailUnavailable(f"the mail server can't be reached: {error}")


def _told(said: bytes | str) -> str:
    """What a server says, on one short line: it is a stranger's text."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return "".join(one if one.isprintable() else " " for one in text)[:_TOLD_MAX]
