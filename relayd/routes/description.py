"""What a view says about itself: the part of /openapi.json that stands beside the code it is about.

A view is either `described` or a page or file that is `undescribed`; a test finds those that are
neither. What follows from how a view is built needs no saying: its protection brings its security
scheme and the refusals that go with it, a JSON body those of the parser.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from relayd.routes.problems import Refusal
from relayd.routes.shapes import Schema, Shape

__all__ = [
    "Answer",
    "Body",
    "Description",
    "Link",
    "Topic",
    "described",
    "description_of",
    "undescribed",
    "undescribed_reason",
]

View = TypeVar("View", bound=Callable[..., object])

_MARK: Final = "relayd_description"
_REASON: Final = "relayd_undescribed"


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
    ACCOUNT = "Account", "Who one is, and what one has used."
    BILLING = "Billing", "What is left, and buying more."
    SERVICE = "Service", "The daemon itself."

    def __init__(self, title: str, about: str) -> None:
        self.title = title
        self.about = about


@attrs.frozen
class Link:
    """What of an answer goes into the next request, as runtime expressions of OpenAPI."""

    body: Mapping[str, str] = attrs.field(factory=dict)
    path: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Answer:
    """A success, or what a monitor reads as a failure: its meaning and its body.

    ``links``: what it is good for, by operation id.
    """

    what: str
    shape: Shape | Schema | None = None
    content_type: str = "application/json"
    links: Mapping[str, Link] = attrs.field(factory=dict)
    headers: Mapping[str, Schema] = attrs.field(factory=dict)


@attrs.frozen
class Body:
    """What a request carries. ``parsed``: by `relayd.routes.bodies`, with its refusals."""

    shape: Shape | Schema
    required: bool = True
    parsed: bool = True


@attrs.frozen
class Description:
    """One operation. ``schemes`` are alternatives; None means what the protection says."""

    topic: Topic
    gives: Mapping[int, Answer]
    takes: Body | None
    refuses: Sequence[Refusal]
    path: Mapping[str, Schema]
    query: Mapping[str, Schema]
    headers: Mapping[str, Schema]
    schemes: Sequence[str] | None
    more: str


def described(
    topic: Topic,
    *,
    gives: Mapping[int, Answer],
    takes: Body | None = None,
    refuses: Sequence[Refusal] = (),
    path: Mapping[str, Schema] | None = None,
    query: Mapping[str, Schema] | None = None,
    headers: Mapping[str, Schema] | None = None,
    schemes: Sequence[str] | None = None,
    more: str = "",
) -> Callable[[View], View]:
    """Describe a view; its docstring's first line is the summary.

    ``query`` and ``headers`` are required of the caller; one in a scheme's place is "" for none.
    """
    description = Description(
        topic, gives, takes, refuses, path or {}, query or {}, headers or {}, schemes, more
    )
    return lambda view: _marked(view, _MARK, description)


def undescribed(reason: str) -> Callable[[View], View]:
    """State why a view is not in the document."""
    assert reason
    return lambda view: _marked(view, _REASON, reason)


def description_of(view: Callable[..., object]) -> Description | None:
    """What a view says of itself."""
    mark = getattr(view, _MARK, None)
    return mark if isinstance(mark, Description) else None


def undescribed_reason(view: Callable[..., object]) -> str | None:
    """Why a view says nothing."""
    mark = getattr(view, _REASON, None)
    return mark if isinstance(mark, str) else None


def _marked(view: View, name: str, value: Any) -> View:
    assert description_of(view) is None
    assert undescribed_reason(view) is None
    setattr(view, name, value)
    return view
