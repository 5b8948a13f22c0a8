"""What goes in and out where people sign in: shapes and refusals, for apps and for browsers."""

from typing import Final

from relayd.accounts.emails import ADDRESS_MAX
from relayd.accounts.passwords import PASSWORD_MAX, PASSWORD_MIN
from relayd.routes.problems import Refusal
from relayd.routes.shapes import TIME, Shape, integer, text, truth

__all__ = [
    "ACCOUNT_DISABLED",
    "CREDENTIALS",
    "EMAIL_TAKEN",
    "INVALID_CREDENTIALS",
    "INVALID_EMAIL",
    "INVALID_PASSWORD",
    "INVALID_REFRESH_TOKEN",
    "LOGOUT",
    "REFRESH",
    "REGISTRATION",
    "SIGNED_IN",
    "SIGNED_OUT",
    "USER",
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
INVALID_REFRESH_TOKEN: Final = Refusal(
    401, "invalid_refresh_token", "This sign-in has ended or expired. Sign in again."
)

_REFRESH_TOKEN: Final = text(
    "A refresh token. Keep it where only the app can read it.",
    "Vf3mQ2k0X7b1nT9sR4w8yZ6pL5cH0dJqEaUgKiOoNMs",
)

REGISTRATION: Final = Shape(
    "Registration",
    "A new account.",
    {
        "email": text(
            "Where one can be reached, with a dot in its domain. Case, compatibility forms of "
            "letters (NFKC) and white space around it make no difference; what is left has at most "
            f"{ADDRESS_MAX} characters.",
            "ada@example.com",
            format="email",
        ),
        "password": text(
            f"At least {PASSWORD_MIN} characters, counted after NFKC: one may become several.",
            "correct horse",
            format="password",
            minLength=1,
            maxLength=PASSWORD_MAX,
        ),
    },
)
CREDENTIALS: Final = Shape(
    "Credentials",
    "Address and password of an account.",
    {
        "email": text("The address.", "ada@example.com"),
        "password": text("The password.", "correct horse", format="password"),
    },
)
REFRESH: Final = Shape(
    "Refresh",
    "A refresh token to exchange; without one, the access token is.",
    {"refresh_token": _REFRESH_TOKEN},
    optional={"refresh_token"},
)
LOGOUT: Final = Shape(
    "Logout",
    "Which sign-in to end; without a token in it, that of the access token.",
    {"refresh_token": _REFRESH_TOKEN},
    optional={"refresh_token"},
)
USER: Final = Shape(
    "User",
    "An account.",
    {
        "id": text("Its id.", "0d3b5c1e-9d0a-4b3f-8d6e-2f6a1c7b9e55", format="uuid"),
        "email": text("In its one spelling.", "ada@example.com"),
        "created_at": TIME,
    },
)
SIGNED_IN: Final = Shape(
    "SignedIn",
    "A pair of tokens, and whose they are.",
    {
        "token": text("The access token, for Authorization: Bearer.", "eyJhbGciOi…", minLength=1),
        "refresh_token": text(
            "The refresh token, for one use.",
            "Vf3mQ2k0X7b1nT9sR4w8yZ6pL5cH0dJqEaUgKiOoNMs",
            minLength=1,
        ),
        "expires_in": integer("Seconds that the access token is good for.", 900, minimum=1),
        "user": USER,
    },
)
SIGNED_OUT: Final = Shape("SignedOut", "Signed out.", {"signed_out": truth("Always true.")})
