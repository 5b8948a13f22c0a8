"""`[batch]`: its keys."""

import attrs

from relayd.config import forms
from relayd.config.keys import about

__all__ = ["Batch"]


@attrs.frozen(kw_only=True)
class Batch:
    """Recordings handed in whole: who works on them, and how much of them there may be."""

    workers: int = attrs.field(
        default=1,
        metadata=about(
            "Recordings at once in `relayd serve` itself, over all of its processes. 0 leaves them "
            "to `relayd worker`, on this machine or others.",
            unit="recordings",
            least=0,
            most=256,
        ),
    )
    worker_slots: int = attrs.field(
        default=2,
        metadata=about(
            "Recordings, or parts of one, at once in each `relayd worker`.",
            unit="recordings",
            least=1,
            most=256,
        ),
    )
    running_per_user: int = attrs.field(
        default=2,
        metadata=about(
            "Recordings of one account that are worked on at once, over all workers.",
            unit="recordings",
            least=1,
            most=1000,
        ),
    )
    queued_per_user: int = attrs.field(
        default=1000,
        metadata=about(
            "Recordings of one account that may wait; a further one is refused.",
            unit="recordings",
            least=1,
            most=1_000_000,
        ),
    )
    audio_minutes_max: int = attrs.field(
        default=600,
        metadata=about("The longest recording (ten hours).", unit="minutes", least=1, most=1440),
    )
    aging_seconds: float = attrs.field(
        default=60,
        metadata=about(
            "What one step of priority is worth: who has it is served before others, unless they "
            "wait this much longer. So nobody waits for ever.",
            unit="seconds",
            least=0,
            most=86_400,
        ),
    )
    attempts: int = attrs.field(
        default=3,
        metadata=about(
            "After so many attempts that failed, a recording fails and costs nothing. A worker "
            "that is stopped, or an engine that asks for a pause, counts none.",
            unit="attempts",
            least=1,
            most=10,
        ),
    )
    retry_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "Before the second attempt; doubled before each further one, and up to half as much "
            "more, so that they don't come all at once.",
            unit="seconds",
            least=0.1,
            most=3600,
        ),
    )
    upload_hours: float = attrs.field(
        default=24,
        metadata=about(
            "An upload that nobody goes on with is given up.", unit="hours", least=0.1, most=720
        ),
    )
    result_days: float = attrs.field(
        default=30,
        metadata=about(
            "Words and what is known of a recording are deleted so long after it ended; what it "
            "cost stays in the books.",
            unit="days",
            least=0.01,
            most=3650,
        ),
    )
    keep_audio: bool = attrs.field(
        default=False,
        metadata=about(
            "Keep a recording as long as its words. Otherwise it is deleted as soon as it has been "
            "worked on.",
            unit="true or false",
        ),
    )
    upload_bytes_max: int = attrs.field(
        default=4_294_967_296,
        metadata=about(
            "The largest file (4 GiB); a larger one is refused before it is taken.",
            unit="bytes",
            least=1024,
            most=1_099_511_627_776,
        ),
    )
    networks: tuple[str, ...] = attrs.field(
        default=(),
        converter=tuple,
        metadata=about(
            "Networks within the house that users may have files fetched from, and webhooks sent "
            "to. Everything else that isn't public is never asked.",
            unit="networks",
            form=forms.network,
        ),
    )
