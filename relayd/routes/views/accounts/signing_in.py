"""What goes in and out where people sign in: forms and refusals, for apps and for browsers."""

from typing import Annotated, Final, Self
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from relayd.accounts.outcomes import SignedIn, User
from relayd.accounts.proving.passwords import PASSWORD_MAX, PASSWORD_MIN
from relayd.accounts.users.emails import ADDRESS_MAX
from relayd.routes.toolkit.forms import STORABLE, Form, Time, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.wiring import wiring

__all__ = [
    "ACCOUNT_DISABLED",
    "CODE_NEEDED",
    "EMAIL_TAKEN",
    "INVALID_CREDENTIALS",
    "INVALID_EMAIL",
    "INVALID_PASSWORD",
    "INVALID_REFRESH_TOKEN",
    "TOO_MANY_GUESSES",
    "WRONG_CODE",
    "WRONG_PASSWORD",
    "AccessToken",
    "ExpiresIn",
    "LoginCredentials",
    "NewPassword",
    "Owner",
    "PresentPassword",
    "Presented",
    "Registration",
    "SignedOut",
    "TokenPair",
    "staying_per_minute",
]

EMAIL_TAKEN: Final = Refusal(409, "email_taken", "There is an account with this address. Sign in.")
INVALID_EMAIL: Final = Refusal(422, "invalid_email", "The field email must be an email address.")
INVALID_PASSWORD: Final = Refusal(
    422, "invalid_password", f"The password must have at least {PASSWORD_MIN} characters."
)
INVALID_CREDENTIALS: Final = Refusal(
    401, "invalid_credentials", "The address or the password is wrong."
)
ACCOUNT_DISABLED: Final = Refusal(403, "account_disabled", "This account is disabled.")
CODE_NEEDED: Final = Refusal(
    401,
    "code_needed",
    "This account takes a code beside the password: send that of the authenticator app, or a "
    "recovery code, in the field code.",
)
WRONG_CODE: Final = Refusal(
    401, "wrong_code", "The code is wrong, too old, or was used before. Try the next one."
)
TOO_MANY_GUESSES: Final = Refusal(
    429,
    "too_many_guesses",
    "Too many wrong passwords or codes for this account. Try again later, or with a browser "
    "or an app that was signed in before.",
    retries=True,
)
INVALID_REFRESH_TOKEN: Final = Refusal(
    401, "invalid_refresh_token", "This sign-in has ended or expired. Sign in again."
)
WRONG_PASSWORD: Final = Refusal(403, "wrong_password", "The present password is wrong.")

# Times that an address may refresh, and sign out, for each try to sign in. No token can be guessed,
# and an office of many browsers is one address.
_STAYING: Final = 6

AccessToken = Annotated[
    str, told("The access token, for Authorization: Bearer.", "eyJhbGciOi…", minLength=1)
]
ExpiresIn = Annotated[int, Meta(ge=1), told("Seconds that the access token is good for.", 604_800)]
PresentPassword = Annotated[str, told("The present one.", "correct horse", format="password")]
NewPassword = Annotated[
    str,
    told(
        f"At least {PASSWORD_MIN} characters, as typed. Not one of the most common passwords, nor "
        "the account's address.",
        "correct horse",
        format="password",
        minLength=1,
        maxLength=PASSWORD_MAX,
    ),
]
_DEVICE_SAMPLE: Final = "DTtcHp0KSz-Nbi9qHHueVV8MHFJbDk0MnVFvHXwcmhA"
_REFRESH_SAMPLE: Final = "Vf3mQ2k0X7b1nT9sR4w8yZ6pL5cH0dJqEaUgKiOoNMs"


class Registration(Form):
    """A new account."""

    email: Annotated[
        str,
        told(
            "Where one can be reached, with a dot in its domain. Case, compatibility forms of "
            "letters (NFKC) and white space around it make no difference; what is left has at most "
            f"{ADDRESS_MAX} characters.",
            "ada@example.com",
            format="email",
        ),
    ]
    password: NewPassword


class LoginCredentials(Form):
    """Address and password of an account, and what shows that one was signed in to it before."""

    email: Annotated[str, told("The address.", "ada@example.com", pattern=STORABLE)]
    password: Annotated[str, told("The password.", "correct horse", format="password")]
    device_token: Annotated[
        str,
        told(
            "That of an earlier sign-in of this app: it is no stranger then, and waits for nobody "
            "who guesses at the account.",
            _DEVICE_SAMPLE,
            pattern=STORABLE,
        ),
    ] = ""
    code: Annotated[
        str,
        told(
            "Of the authenticator app, or a recovery code, where the account takes one.",
            "123456",
            pattern=STORABLE,
        ),
    ] = ""


class Presented(Form):
    """Which sign-in is meant; without a refresh token, that of the access token."""

    refresh_token: (
        Annotated[
            str,
            told(
                "A refresh token. Keep it where only the app can read it.",
                _REFRESH_SAMPLE,
                pattern=STORABLE,
            ),
        ]
        | UnsetType
    ) = UNSET


class Owner(Form):
    """An account."""

    id: Annotated[UUID, told("Its id.", "0d3b5c1e-9d0a-4b3f-8d6e-2f6a1c7b9e55")]
    email: Annotated[str, told("In its one spelling.", "ada@example.com")]
    created_at: Time

    @classmethod
    def of(cls, user: User) -> Self:
        """As its owner sees it."""
        return cls(id=user.id, email=user.email, created_at=user.created_at.isoformat())


class TokenPair(Form):
    """A pair of tokens, and whose they are."""

    token: AccessToken
    refresh_token: Annotated[
        str, told("The refresh token, for one use.", _REFRESH_SAMPLE, minLength=1)
    ]
    device_token: Annotated[
        str,
        told(
            "Keep it, also after signing out, and send it with the next sign-in. It opens nothing.",
            _DEVICE_SAMPLE,
            minLength=1,
        ),
    ]
    expires_in: ExpiresIn
    user: Owner

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """For an app, which keeps both."""
        return cls(
            token=signed_in.token,
            refresh_token=signed_in.refresh_token,
            device_token=signed_in.device_token,
            expires_in=signed_in.expires_seconds,
            user=Owner.of(signed_in.user),
        )


class SignedOut(Form):
    """Signed out."""

    signed_out: Annotated[bool, told("Always true.", sample=True, const=True)]


def staying_per_minute() -> int:
    """How often an address may refresh, and how often sign out."""
    return _STAYING * wiring().services.requests_per_minute
