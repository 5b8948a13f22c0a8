"""What a client's configuration comes to: a plan for its stream, or why there is none."""

from collections.abc import Mapping

import attrs

from relayd.speech.formats import AudioFormat
from relayd.speech.tariff import EVEN, Tariff

__all__ = ["ConfigRefusal", "StreamPlan"]


@attrs.frozen
class StreamPlan:
    """A client's checked configuration: what the meter counts and what the engine is told."""

    format: AudioFormat
    model: str
    interim_results: bool
    # Further engine options, already checked; a repeated one holds several values.
    options: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    # What the app is told although its configuration is accepted, each a whole sentence: a name
    # that means nothing here, a model that this engine doesn't have. A handful at most.
    remarks: tuple[str, ...] = ()
    # What the model's audio costs in this language.
    tariff: Tariff = EVEN
    # Whose plan it is: the engine's name.
    engine: str = ""
    # Where several engines may take turns: the plan of each that can do it, in their order.
    turns: tuple["StreamPlan", ...] = ()


@attrs.frozen
class ConfigRefusal:
    """A configuration value that is not allowed; the message names the key and the remedy."""

    key: str
    message: str
