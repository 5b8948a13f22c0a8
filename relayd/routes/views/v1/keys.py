"""/api/v1/keys: keys of programs.

They are made with a sign-in, so that one that leaked makes no others.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from relayd import logs
from relayd.identity import Principal, Scope
from relayd.keys.keys import Keys
from relayd.keys.outcomes import NAME_CHARACTERS, ApiKey, KeyRefusal, WantedKey
from relayd.routes.toolkit.bodies import INVALID_FIELD, read_form
from relayd.routes.toolkit.description import Answer, Body, ResponseLink, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, Time, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authenticated, unauthenticated
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.v1.recordings.recordings import identity

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("v1_keys", __name__, url_prefix="/api/v1/keys")

TOO_MANY_KEYS: Final = Refusal(
    409, "too_many_keys", "You have as many keys as one may have. Revoke some."
)
UNKNOWN_KEY: Final = Refusal(404, "unknown_key", "You have no such key.")

_USUAL: Final = frozenset({Scope.LIVE, Scope.BATCH, Scope.READ})
_DAYS_MAX: Final = 3650
_KEY: Final = "0b0a1b7e-3c6b-4a0f-8f59-2f6c4f1d7e22"
KeyId = Annotated[str, told("As the list has it.", _KEY)]
_Scopes = list[Literal["live", "batch", "read"]]


class NewKey(Form):
    """What a key shall be good for."""

    name: Annotated[
        str,
        told(
            "What you tell it from others by.",
            "transcriber",
            minLength=1,
            maxLength=NAME_CHARACTERS,
            pattern=STORABLE,
        ),
    ]
    scopes: (
        Annotated[
            _Scopes,
            Meta(min_length=1, max_length=10),
            told(
                "live: to open streams. batch: to hand in recordings and delete them. read: to "
                "look at them and their words. All three if left out.",
                ["batch", "read"],
            ),
        ]
        | UnsetType
    ) = UNSET
    test: (
        Annotated[
            bool,
            told(
                "Whether it only pretends: words that nobody said, no charge, and recordings that "
                "no other keys see.",
                sample=False,
            ),
        ]
        | UnsetType
    ) = UNSET
    expires_in_days: (
        Annotated[
            float,
            Meta(ge=1, le=_DAYS_MAX, multiple_of=1),
            told("A whole number; never, if left out.", 90),
        ]
        | UnsetType
    ) = UNSET


class Key(Form):
    """A key, without what is secret of it."""

    id: Annotated[UUID, told("Its id.", _KEY)]
    name: Annotated[str, told("What it is called.", "transcriber")]
    hint: Annotated[str, told("How it begins and ends.", "wtr_live_…x7Qa")]
    test: Annotated[bool, told("Whether it only pretends.", sample=False)]
    scopes: Annotated[
        list[Literal["live", "batch", "read", "admin"]],
        told("What it is good for.", ["batch", "read"]),
    ]
    created_at: Time
    # Null: never.
    expires_at: Time | None
    # To the minute; null: never.
    last_used_at: Time | None
    # Null: it is not revoked.
    revoked_at: Time | None

    @classmethod
    def of(cls, one: ApiKey, **more: str) -> Self:
        """As its owner sees it."""
        return cls(
            id=one.id,
            name=one.name,
            hint=one.hint,
            test=one.test,
            scopes=sorted(scope.value for scope in one.scopes),
            created_at=one.created_at.isoformat(),
            expires_at=_said(one.expires_at),
            last_used_at=_said(one.last_used_at),
            revoked_at=_said(one.revoked_at),
            **more,
        )


class CreatedKey(Key):
    """A key that was just made: this once with its secret."""

    key: Annotated[
        str, told("The key itself. Keep it now: nobody can say it again.", f"wtr_live_{'0' * 49}")
    ]

    def __repr__(self) -> str:
        """Without the key, wherever it may be written."""
        return f"{type(self).__name__}(id={self.id!r}, hint={self.hint!r})"


@blueprint.post("")
@authenticated
@described(
    Topic.KEYS,
    takes=Body(NewKey),
    gives={
        201: Answer(
            "The key. This is the one answer that holds it.",
            CreatedKey,
            links={"v1_keys_revoke": ResponseLink(path={"key_id": "$response.body#/id"})},
        )
    },
    refuses=(TOO_MANY_KEYS,),
    more="A key goes where an access token goes, `Authorization: Bearer …`, on all of /api/v1 and "
    "on the WebSocket. It is good until it expires or is revoked.",
)
async def create(principal: Principal) -> CreatedKey:
    """Make a key for a program."""
    asked = await read_form(NewKey)
    name = asked.name.strip()
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise INVALID_FIELD.problem(f"The field name must have 1 to {NAME_CHARACTERS} characters.")
    scopes = _USUAL
    if asked.scopes is not UNSET:
        scopes = frozenset(Scope(scope) for scope in asked.scopes)
    expires_at = None
    if asked.expires_in_days is not UNSET:
        expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=asked.expires_in_days)
    wanted = WantedKey(principal.user_id, name, scopes, asked.test is True, expires_at)
    made = await _keys().make(wanted)
    match made:
        case KeyRefusal.TOO_MANY:
            raise TOO_MANY_KEYS.problem()
        case KeyRefusal.UNKNOWN_USER:
            raise unauthenticated()
    log.info("key made", key=made.key.id, user=principal.user_id)
    return CreatedKey.of(made.key, key=made.text)


@blueprint.get("")
@authenticated
@described(
    Topic.KEYS,
    gives={200: Answer("All of them, newest first, those that are over too.", list[Key])},
)
async def keys(principal: Principal) -> Sequence[Key]:
    """One's keys."""
    return [Key.of(one) for one in await _keys().of_user(principal.user_id)]


@blueprint.delete("/<key_id>")
@authenticated
@described(
    Topic.KEYS,
    path={"key_id": KeyId},
    gives={200: Answer("It is refused from now on.", Key)},
    refuses=(UNKNOWN_KEY,),
    more="For good; twice is as once. Live streams that were opened with it end within seconds.",
)
async def revoke(principal: Principal, key_id: str) -> Key:
    """Revoke a key."""
    revoked = await _keys().revoke(identity(key_id, UNKNOWN_KEY), principal.user_id)
    if revoked is None:
        raise UNKNOWN_KEY.problem()
    log.info("key revoked", key=revoked.id, user=principal.user_id)
    return Key.of(revoked)


def _keys() -> Keys:
    found = wiring().services.keys
    assert found is not None, "an app that is served has keys"
    return found


def _said(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
