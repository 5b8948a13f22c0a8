"""What there is to write to a user, and in which words. Pure.

A letter that leads somewhere has a one-time link. Its token is computed from the letter's id and a
key that isn't in the database: the queue says which letter is to be sent, and a stolen database
opens no account with it. What is stored of the token is its SHA-256.
"""

import base64
import enum
import hashlib
import hmac
import textwrap
from collections.abc import Mapping
from typing import Final
from uuid import UUID, uuid4

import attrs

from relayd import config

__all__ = ["Kind", "Letter", "LetterText", "Letterhead", "Letters", "token_hash"]

_MINUTE_SECONDS: Final = 60
_DAY_SECONDS: Final = 86_400
# Of a line in a mail (RFC 5322 recommends 78 at most).
_WIDTH: Final = 74
_TOKEN_CHARACTERS: Final = 43  # 32 bytes in base64 without padding
# Of a key that is used for this alone.
_LINKS: Final = b"relayd: the one-time links in mails"


class Kind(enum.Enum):
    """Why somebody is written to."""

    PROVE_ADDRESS = "prove_address"
    CHANGE_ADDRESS = "change_address"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a letter
    NEW_SIGN_IN = "new_sign_in"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a letter
    ADDRESS_CHANGED = "address_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"

    @property
    def page(self) -> str | None:
        """Where its link leads to; None where it has none."""
        return _PAGES.get(self)

    @property
    def seconds(self) -> int:
        """How long it is worth sending, and its link is good."""
        return 30 * _MINUTE_SECONDS if self is Kind.RESET_PASSWORD else 3 * _DAY_SECONDS


_PAGES: Final = {
    Kind.PROVE_ADDRESS: "/proof",
    Kind.CHANGE_ADDRESS: "/proof",
    Kind.RESET_PASSWORD: "/reset",
}


@attrs.frozen
class Letter:
    """One that is to be written. ``facts``: what the words need to know beside their kind.

    The id is made before the transaction that queues it, so that a retry queues the same one.
    """

    id: UUID
    kind: Kind
    facts: Mapping[str, str]
    # Of the token in its link.
    link_hash: bytes | None = attrs.field(repr=False)


@attrs.frozen
class Letters:
    """Makes letters, and knows their tokens. ``pepper`` isn't in the database and never changes."""

    pepper: bytes = attrs.field(repr=False)

    def new(self, kind: Kind, **facts: str) -> Letter:
        """A letter of this kind."""
        letter_id = uuid4()
        link_hash = None if kind.page is None else token_hash(self.token(letter_id))
        return Letter(letter_id, kind, facts, link_hash)

    def token(self, letter_id: UUID) -> str:
        """What the link of a letter carries."""
        key = hmac.digest(self.pepper, _LINKS, hashlib.sha256)
        mac = hmac.digest(key, letter_id.bytes, hashlib.sha256)
        return base64.urlsafe_b64encode(mac).decode("ascii").rstrip("=")


def token_hash(token: str) -> bytes | None:
    """What the database knows a link's token by; None for what can't be one."""
    if len(token) != _TOKEN_CHARACTERS or not token.isascii():
        return None
    return hashlib.sha256(token.encode("ascii")).digest()


@attrs.frozen
class LetterText:
    """A letter in words."""

    subject: str
    body: str = attrs.field(repr=False)


@attrs.frozen
class Letterhead:
    """Who writes, and where their server is."""

    seller: config.Seller
    public_url: str

    @property
    def name(self) -> str:
        """Who writes: the seller, or else the server's host."""
        return self.seller.name or self.public_url.partition("://")[2].rstrip("/")

    def write(self, kind: Kind, facts: Mapping[str, str], token: str | None) -> LetterText:
        """A letter in words, with its link where it has one."""
        subject, words = _WORDS[kind]
        link = f"{self.public_url.rstrip('/')}{kind.page}#{token}" if kind.page else ""
        said = words.format(
            name=self.name,
            link=link,
            account=f"{self.public_url.rstrip('/')}/account",
            forgotten=f"{self.public_url.rstrip('/')}/forgotten",
            **{key: facts.get(key, "unknown") for key in ("when", "where", "how")},
        )
        return LetterText(subject.format(name=self.name), f"{_wrapped(said)}\n{self._foot()}")

    def _foot(self) -> str:
        contact = f"\nQuestions: {self.seller.contact}" if self.seller.contact else ""
        return f"-- \n{self.name}{contact}\n"


def _wrapped(words: str) -> str:
    """Paragraphs on lines as mails have them; one that begins with a space stays as it is."""
    paragraphs = words.strip().split("\n\n")
    lines = [
        one
        if one.startswith(" ")
        else textwrap.fill(one, _WIDTH, break_long_words=False, break_on_hyphens=False)
        for one in paragraphs
    ]
    return "\n\n".join(lines) + "\n"


_NOT_YOU: Final = """\
If this was not you, somebody may know your password. Choose a new one now; that ends every sign-in:

{forgotten}
"""

_WORDS: Final = {
    Kind.PROVE_ADDRESS: (
        "Please confirm your email address for {name}",
        """\
Hello,

an account at {name} was made with this email address. Open this link to confirm that the
address is yours:

{link}

The link works once, for three days. If you made no account, ignore this mail.
""",
    ),
    Kind.CHANGE_ADDRESS: (
        "Please confirm your new email address for {name}",
        """\
Hello,

somebody asked to use this email address for their account at {name}. If it was you, open this link:

{link}

The link works once, for three days. Until then the account keeps its present address. If it was not
you, ignore this mail.
""",
    ),
    Kind.RESET_PASSWORD: (
        "Choose a new password for {name}",
        """\
Hello,

somebody asked for a new password for your account at {name}. If it was you, open this link and
choose one:

{link}

The link works once, for 30 minutes. A new password ends every sign-in of the account, in browsers
and in apps. If it was not you, ignore this mail: your password stays as it is.
""",
    ),
    Kind.NEW_SIGN_IN: (
        "New sign-in to your account at {name}",
        """\
Hello,

somebody signed in to your account at {name} with your password, from {how} that you have not
used before:

  time     {when}
  address  {where}

If this was you, there is nothing to do.

"""
        + _NOT_YOU,
    ),
    Kind.PASSWORD_CHANGED: (
        "Your password for {name} was changed",
        """\
Hello,

the password of your account at {name} was changed on {when}. Every earlier sign-in has ended.

"""
        + _NOT_YOU,
    ),
    Kind.ADDRESS_CHANGED: (
        "The email address of your account at {name} was changed",
        """\
Hello,

your account at {name} has had another email address since {when}. You will get no further mails
about it at this one.

If this was not you, somebody else has your account: please answer this mail or write to us at once.
""",
    ),
    Kind.SECOND_FACTOR_ON: (
        "Two-step sign-in is on for your account at {name}",
        """\
Hello,

since {when} signing in to your account at {name} takes a code from your authenticator app
beside the password. Keep the recovery codes in a safe place: they let you in if you lose the app.

"""
        + _NOT_YOU,
    ),
    Kind.SECOND_FACTOR_OFF: (
        "Two-step sign-in is off for your account at {name}",
        """\
Hello,

since {when} signing in to your account at {name} takes the password alone. You can set up codes
again here:

{account}

"""
        + _NOT_YOU,
    ),
}
