"""`[plans]` and `[plans.*]`: their keys."""

from typing import Any

import attrs

from relayd.config import forms, sales_forms
from relayd.config.keys import about

__all__ = ["Free", "PayAsYouGo", "Plan", "Plans", "Pro"]


def _models(*names: str) -> Any:
    return attrs.field(
        default=names,
        converter=tuple,
        metadata=about(
            'What recordings may be transcribed with: names of models, or "*" for all. Empty '
            "means the one that is meant where a request names none.",
            unit="names",
            form=forms.plan_model,
        ),
    )


def _formats(*names: str) -> Any:
    return attrs.field(
        default=names,
        converter=tuple,
        metadata=about(
            'In which formats words may be read: json, verbose_json, txt, srt, vtt, html, or "*".',
            unit="names",
            choices=("*", "json", "verbose_json", "txt", "srt", "vtt", "html"),
        ),
    )


def _number(default: int, text: str, unit: str, most: int, least: int = 1) -> Any:
    return attrs.field(default=default, metadata=about(text, unit=unit, least=least, most=most))


def _priority(default: int) -> Any:
    return _number(
        default,
        "Whose recordings come first: a step is worth batch.aging_seconds.",
        "steps",
        least=0,
        most=100,
    )


def _running(default: int) -> Any:
    return _number(
        default, "Recordings that are worked on at once, over all workers.", "recordings", 1000
    )


def _queued(default: int) -> Any:
    return _number(
        default, "Recordings that may wait; a further one is refused.", "recordings", 1_000_000
    )


def _requests(default: int) -> Any:
    return _number(
        default,
        "Requests of programs with a key, and recordings that are handed in, in any minute; "
        "over all daemons.",
        "requests",
        10_000,
    )


def _minutes(default: int, text: str) -> Any:
    return _number(default, text, "minutes", 10_000_000, least=0)


def _live() -> Any:
    return attrs.field(
        default=True,
        metadata=about(
            "Whether its minutes serve live streams too, and not recordings alone. A change counts "
            "for minutes that come from then on.",
            unit="true or false",
        ),
    )


@attrs.frozen(kw_only=True)
class Plan:
    """What every plan says."""

    models: tuple[str, ...] = _models()
    formats: tuple[str, ...] = _formats()
    priority: int = _priority(0)
    running: int = _running(1)
    queued: int = _queued(20)
    requests_per_minute: int = _requests(10)


@attrs.frozen(kw_only=True)
class Free(Plan):
    """Who neither pays monthly nor has bought minutes left."""

    minutes: int = _minutes(
        60,
        "Given for each month (UTC), at the first use in it, to addresses that are proven; they "
        "run out with the month.",
    )
    unproven: bool = attrs.field(
        default=False,
        metadata=about(
            "Give them to addresses that nobody proved, too: where no mail is sent, there is no "
            "other way, and who makes ten accounts has ten times as many.",
            unit="true or false",
        ),
    )
    sign_ups_per_hour: int = _number(
        10,
        "Accounts that may be made from one address in any hour (of IPv6 from a /64; a /48 makes "
        "four times as many), so that nobody collects free minutes with many. Only while plans "
        "are on; for each daemon.",
        "accounts an hour",
        10_000,
    )
    live: bool = _live()
    formats: tuple[str, ...] = _formats("json")


@attrs.frozen(kw_only=True)
class Pro(Plan):
    """Who has minutes of this plan that have not run out."""

    price_cents: int = _number(
        2900, "A month's price, as people are shown it.", "cents", 99_999_999, least=0
    )
    minutes: int = _minutes(1000, "For each month that is paid; they run out with it.")
    price_id: str = attrs.field(
        default="",
        metadata=about(
            "The price at Stripe (price_…) that is paid each month: price_cents, in the packages' "
            "currency. Empty: nobody can subscribe.",
            unit="text",
            form=sales_forms.price_id,
        ),
    )
    live: bool = _live()
    models: tuple[str, ...] = _models("*")
    formats: tuple[str, ...] = _formats("*")
    priority: int = _priority(1)
    running: int = _running(3)
    queued: int = _queued(200)
    requests_per_minute: int = _requests(60)


@attrs.frozen(kw_only=True)
class PayAsYouGo(Plan):
    """Who bought minutes, as long as any of the credit that never runs out is left."""

    models: tuple[str, ...] = _models("*")
    formats: tuple[str, ...] = _formats("*")
    priority: int = _priority(2)
    running: int = _running(10)
    queued: int = _queued(1000)
    requests_per_minute: int = _requests(300)


@attrs.frozen(kw_only=True)
class Plans:
    """What users may do, by what they pay."""

    on: bool = attrs.field(
        default=False,
        metadata=about(
            "Without plans every account may do the same: what [batch] and [limits] say. Look at "
            "what [plans.free] allows before you turn them on.",
            unit="true or false",
        ),
    )
    free: Free = attrs.field(
        factory=Free, metadata=about("Who neither pays monthly nor has bought minutes left.")
    )
    pro: Pro = attrs.field(
        factory=Pro, metadata=about("Who has minutes of this plan that have not run out.")
    )
    payg: PayAsYouGo = attrs.field(
        factory=PayAsYouGo,
        metadata=about(
            "Who bought minutes, as long as any of the credit that never runs out is left; before "
            "the other two."
        ),
    )
