"""`[keys]`: its keys."""

import attrs

from relayd.config import forms
from relayd.config.keys import about

__all__ = ["ApiKeys"]


@attrs.frozen(kw_only=True)
class ApiKeys:
    """Keys with which programs come in."""

    prefix: str = attrs.field(
        default="wtr",
        metadata=about(
            "How keys begin, so that people and scanners for secrets know whose they are. After a "
            "change of it the keys that were made before are refused.",
            unit="2 to 16 small letters and digits",
            form=forms.key_prefix,
        ),
    )
    per_user: int = attrs.field(
        default=50,
        metadata=about(
            "Keys of one account that are good at the same time.",
            unit="keys",
            least=1,
            most=10_000,
        ),
    )
    test_minutes: int = attrs.field(
        default=10,
        metadata=about(
            "What test keys only pretend: the credit of each of their streams, and the longest of "
            "their recordings.",
            unit="minutes",
            least=1,
            most=1440,
        ),
    )
    test_streams: int = attrs.field(
        default=2,
        metadata=about(
            "Streams of test keys of one account at the same time.",
            unit="streams",
            least=1,
            most=1000,
        ),
    )
    test_queued: int = attrs.field(
        default=20,
        metadata=about(
            "Recordings of test keys of one account that may wait.",
            unit="recordings",
            least=1,
            most=100_000,
        ),
    )
