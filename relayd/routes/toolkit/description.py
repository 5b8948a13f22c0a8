"""What a view says about itself: the part of /openapi.json that stands beside the code it is about.

A view is either `described` or a page or file that is `undescribed`; a test finds those that are
neither. What follows from how a view is built needs no saying: its protection brings its security
scheme and the refusals that go with it, a JSON body those of the parser. What it returns is a form,
encoded here.
"""

import enum
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeVar

import attrs
from quart import Response

from relayd.edge.body import BodyPolicy
from relayd.routes.toolkit.body_policy import JSON
from relayd.routes.toolkit.forms import Form, encode
from relayd.routes.toolkit.problems import Refusal

__all__ = [
    "Answer",
    "Body",
    "Description",
    "ResponseLink",
    "Topic",
    "answered",
    "body_policy_of",
    "described",
    "description_of",
    "undescribed",
    "undescribed_reason",
]

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., object])
Said = Form | Sequence[Form] | Response

_MARK: Final = "relayd_description"
_REASON: Final = "relayd_undescribed"
_JSON: Final = "application/json"


class Topic(enum.Enum):
    """The chapters of the document, in their order: title, and what it is about."""

    ACCOUNTS = "Accounts", "Making an account, signing in and staying signed in, for apps."
    BROWSER = (
        "Browsers",
        (
            "The same for pages of this server: the refresh token stays in a cookie that no script "
            "can read. Requests of other sites' pages are refused."
        ),
    )
    ACCOUNT = "Account", "Who one is, what one has used, and an end to it."
    BILLING = "Billing", "What is left, and buying more."
    RECORDINGS = (
        "Recordings",
        (
            "Files in, transcripts out: hand in a recording, ask how it stands or be told, fetch "
            "the words."
        ),
    )
    KEYS = (
        "Keys",
        (
            "Keys of programs, which go where an access token goes. They are made with a sign-in, "
            "and good until they expire or are revoked."
        ),
    )
    OPERATING = "Operating", "What is everybody's, for the operator's programs."
    SERVICE = "Service", "The daemon itself."

    def __init__(self, title: str, about: str) -> None:
        self.title = title
        self.about = about


@attrs.frozen
class ResponseLink:
    """What of an answer goes into the next request, as runtime expressions of OpenAPI."""

    body: Mapping[str, str] = attrs.field(factory=dict)
    path: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Answer:
    """A success, or what a monitor reads as a failure: its meaning and its form, or a list of one.

    ``form`` is None where it has no body. ``links``: what it is good for, by operation id.
    ``headers``: types with what is told of them, by their names.
    """

    what: str
    form: Any
    content_type: str = _JSON
    links: Mapping[str, ResponseLink] = attrs.field(factory=dict)
    headers: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Body:
    """What a request carries, and how much of it may come and how long that may take.

    ``form`` is None for what is no JSON. ``parsed``: by `bodies.read_form`, with its refusals.
    ``also``: other forms that it may have, by their content types.
    """

    form: type[Form] | None
    required: bool = True
    parsed: bool = True
    policy: BodyPolicy = JSON
    content_type: str = _JSON
    also: Mapping[str, type[Form]] = attrs.field(factory=dict)


@attrs.frozen
class Description:
    """One operation. ``schemes`` are alternatives; None means what the protection says."""

    topic: Topic
    gives: Mapping[int, Answer]
    takes: Body | None
    refuses: Sequence[Refusal]
    # Types with what is told of them, by the parameters' names.
    path: Mapping[str, Any]
    headers: Mapping[str, Any]
    # The same, of what may be left out: headers, and fields of the address.
    may_have: Mapping[str, Any]
    query: Mapping[str, Any]
    schemes: Sequence[str] | None
    more: str


def described(
    topic: Topic,
    *,
    gives: Mapping[int, Answer],
    takes: Body | None = None,
    refuses: Sequence[Refusal] = (),
    path: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
    may_have: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    schemes: Sequence[str] | None = None,
    more: str = "",
) -> Callable[[Callable[P, Awaitable[Said]]], Callable[P, Awaitable[Response]]]:
    """Describe a view; its docstring's first line is the summary.

    A form that it returns is answered with the first status of ``gives``, whose form it is.
    ``headers`` are required of the caller, those of ``may_have`` and the fields of ``query`` are
    not. In a scheme's place "" is for none.
    """
    description = Description(
        topic,
        gives,
        takes,
        refuses,
        path or {},
        headers or {},
        may_have or {},
        query or {},
        schemes,
        more,
    )
    usual = next(iter(gives))

    def describe(view: Callable[P, Awaitable[Said]]) -> Callable[P, Awaitable[Response]]:
        @functools.wraps(view)
        async def answering(*args: P.args, **kwargs: P.kwargs) -> Response:
            said = await view(*args, **kwargs)
            if isinstance(said, Response):
                return said
            form = gives[usual].form
            assert not isinstance(said, Form) or type(said) is form, f"{type(said)}, not {form}"
            return answered(said, usual)

        return _marked(answering, _MARK, description)

    return describe


def answered(said: Form | Sequence[Form], status: int = 200) -> Response:
    """The answer that holds this form."""
    return Response(encode(said), status=status, content_type=_JSON)


def undescribed(reason: str) -> Callable[[View], View]:
    """State why a view is not in the document."""
    assert reason
    return lambda view: _marked(view, _REASON, reason)


def description_of(view: Callable[..., object]) -> Description | None:
    """What a view says of itself."""
    mark = getattr(view, _MARK, None)
    return mark if isinstance(mark, Description) else None


def body_policy_of(view: Callable[..., object]) -> BodyPolicy | None:
    """What of a body this view takes; None where it says nothing of one."""
    description = description_of(view)
    return None if description is None or description.takes is None else description.takes.policy


def undescribed_reason(view: Callable[..., object]) -> str | None:
    """Why a view says nothing."""
    mark = getattr(view, _REASON, None)
    return mark if isinstance(mark, str) else None


def _marked(view: View, name: str, value: Any) -> View:
    assert description_of(view) is None
    assert undescribed_reason(view) is None
    setattr(view, name, value)
    return view
