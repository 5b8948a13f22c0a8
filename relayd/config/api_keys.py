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
