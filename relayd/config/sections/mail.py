"""`[mail]`: its keys."""

import attrs

from relayd.config import mail_forms as forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["Mail"]


@attrs.frozen(kw_only=True)
class Mail:
    """Mail to users by SMTP. It is on where there is a host."""

    host: str = attrs.field(
        default="",
        metadata=about(
            "The mail server that takes relayd's mail. Empty: no mail is sent, addresses are not "
            "proven, and who forgot a password asks you.",
            unit="host",
            form=forms.host,
        ),
    )
    port: int = attrs.field(
        default=587,
        metadata=about(
            "Usually 587 with starttls and 465 with tls.",
            unit="port",
            least=1,
            most=65_535,
        ),
    )
    encryption: str = attrs.field(
        default="starttls",
        metadata=about(
            "How the way there is encrypted; the server's certificate must be right. none is for a "
            "server on this machine only.",
            unit="word",
            choices=("starttls", "tls", "none"),
        ),
    )
    user: str = attrs.field(
        default="",
        metadata=about("Whom relayd signs in as; empty: it doesn't.", unit="text"),
    )
    password: Secret = attrs.field(
        default=Secret(""),
        converter=as_secret,
        metadata=about("The password of that user.", unit="text"),
    )
    sender: str = attrs.field(
        default="",
        metadata=about(
            "The address that mails come from; their name is seller.name. Needed beside host.",
            unit="email address",
            form=forms.sender,
        ),
    )

    @property
    def on(self) -> bool:
        """Whether mail is sent."""
        return bool(self.host)
