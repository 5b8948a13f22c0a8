"""`[[models]]`: what recordings may be transcribed with, and at what price."""

from decimal import Decimal

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.values import as_decimal

__all__ = ["RecordingModel"]


@attrs.frozen(kw_only=True)
class RecordingModel:
    """A name that callers use, the engines behind it, and its rate."""

    name: str = attrs.field(
        metadata=about(
            "As callers ask for it, in any case.", unit="name", form=forms.recording_model
        )
    )
    engines: tuple[str, ...] = attrs.field(
        metadata=about(
            "Who transcribes, as engine:model. The first takes it; while that one asks for a pause "
            "or refuses you, the next. Engines are moonshine, whispercpp, openai_compatible, "
            "deepgram, pretend, and those of [[engines.openai_servers]] by their names.",
            unit="engine:model",
            form=forms.engine_model,
        ),
    )
    rate: int = attrs.field(
        default=1000,
        metadata=about(
            "The credit that a second of audio costs: 1000 sells a second for a second, 1500 takes "
            "half as much again.",
            unit="milliseconds of credit",
            least=1,
            most=10_000,
        ),
    )
    cents_per_minute: Decimal = attrs.field(
        default=Decimal(0),
        converter=as_decimal,
        metadata=about(
            "What the dearest of its engines charges you; 0 on a machine of your own.",
            unit="cents a minute",
            least=0,
            most=1000,
        ),
    )
