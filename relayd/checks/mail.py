"""Whether the mail server is there, is who it says, and takes us. No mail is sent."""

from typing import Final

import trio

from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.errors import MailUnavailable
from relayd.mail.smtp import SmtpCarrier

__all__ = ["reach"]

# Nobody waits longer than some seconds for each answer of the server's.
_ANSWER_SECONDS: Final = 5.0


async def reach(config: Config) -> Finding:
    """Connect, encrypt, sign in and leave."""
    mail = config.mail
    detail = f"{mail.host}:{mail.port} ({mail.encryption}), from {mail.sender}"
    carrier = SmtpCarrier.configured(
        mail, config.server.public_url, trio.CapacityLimiter(1), _ANSWER_SECONDS
    )
    try:
        await carrier.knock()
    except MailUnavailable as error:
        remedy = (
            "are mail.user, mail.password and mail.encryption right?"
            if error.refused
            else "is the network open, and are mail.host and mail.port right?"
        )
        return Finding("mail", False, f"{detail}: {error}", remedy)
    return Finding("mail", True, detail)
