"""The whitelist of a client's ``config``: what apps may ask of an engine.

All engines share it, so that an app gets the same answer whichever engine serves it. The
names, types and defaults are Deepgram's streaming parameters, which apps in the field already
send. What is not in the table does not go upstream. An option that would send results elsewhere,
change the operator's contract or cost the operator extra is refused, by its value: switched off it
asks for nothing. What is merely unknown is left out, and the plan says so.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import quote

import attrs

from relayd.speech.formats import SAMPLE_BYTES, AudioFormat
from relayd.speech.offers import Offer, priced
from relayd.speech.option_values import (
    Reader,
    WrongValue,
    choice,
    flag,
    flag_or,
    pattern,
    phrases,
    whole,
)
from relayd.speech.plan import ConfigRefusal, StreamPlan

__all__ = ["PAID_OPTIONS", "StreamPolicy", "parse"]

# Rates from telephony to studio recorders. The meter counts by this number, so it is bounded.
_sample_rate = whole(8_000, 96_000, "hertz")
_model = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "the name of a model, such as nova-3")

# What says how the audio is cut; the rest goes upstream as it stands.
_FORMAT: Final[Mapping[str, Reader]] = {
    "encoding": choice(*SAMPLE_BYTES),
    "sample_rate": _sample_rate,
    "channels": whole(1, 20, "channels"),
    "multichannel": flag,
}

# At 100 characters the longest legitimate phrase fits; 50 searches are Deepgram's limit.
_ALLOWED: Final[Mapping[str, Reader]] = {
    "model": _model,
    "interim_results": flag,
    "version": pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a version, such as latest"),
    "language": pattern(
        r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", "a language tag such as en or en-US, or multi"
    ),
    "endpointing": flag_or(whole(0, 10_000, "milliseconds")),
    "utterance_end_ms": whole(1, 60_000, "milliseconds"),
    "vad_events": flag,
    "no_delay": flag,
    "punctuate": flag,
    "smart_format": flag,
    "numerals": flag,
    "profanity_filter": flag,
    "dictation": flag,
    "filler_words": flag,
    "replace": phrases(50, 100),
    "search": phrases(50, 100),
    "keywords": phrases(100, 100),
}

# Billed on top of the audio's minutes.
_PAID: Final[Mapping[str, Reader]] = {
    "diarize": flag,
    "diarize_model": choice("latest", "v1"),
    "detect_entities": flag,
    "redact": phrases(
        4, 20, only=frozenset({"true", "false", "pci", "numbers", "aggressive_numbers", "ssn"})
    ),
    "keyterm": phrases(100, 100),
    # Not billed as such: it ends a discount of the whole stream.
    "mip_opt_out": flag,
}

# The names that ``engines.deepgram.paid_features`` may hold.
PAID_OPTIONS: Final = frozenset(_PAID)

_ELSEWHERE: Final = "is not allowed: results come over this connection only"
_ACCOUNT: Final = "is not allowed: it belongs to the operator's account"
_FILES: Final = "is not available for live audio"
_OLD: Final = "is no longer in use: choose a model instead"
_REFUSED: Final[Mapping[str, str]] = {
    "callback": _ELSEWHERE,
    "callback_method": _ELSEWHERE,
    "tag": _ACCOUNT,
    "extra": _ACCOUNT,
    "tier": _OLD,
    "alternatives": "is not allowed: there is one transcript for each result",
    **dict.fromkeys(
        (
            "custom_intent",
            "custom_intent_mode",
            "custom_topic",
            "custom_topic_mode",
            "detect_language",
            "intents",
            "sentiment",
            "summarize",
            "topics",
        ),
        _FILES,
    ),
}

# They shape the transcript of a file and do nothing to live audio; programs send them all the same.
_IDLE: Final = frozenset({"measurements", "paragraphs", "utt_split", "utterances"})

# Encodings Deepgram knows and relayd can't count by their bytes.
_COMPRESSED: Final = frozenset(
    {"flac", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex", "g729", "mp3", "aac"}
)

_KNOWN: Final = (*_FORMAT, *_ALLOWED, *_PAID)

# Percent-encoded. Servers commonly allow 8 KiB for the request line; half leaves room for the
# numbers and flags (some 30 options of at most 30 characters).
_QUERY_BYTES: Final = 4096

# The longest name a hint is looked for, and that is repeated to the client.
_NAME_CHARACTERS: Final = 40
# How many names one remark lists.
_NAMES_MOST: Final = 5


@attrs.frozen
class StreamPolicy:
    """What the operator set: defaults for what a client leaves out, and what he pays for."""

    model: str
    language: str = ""
    paid_features: frozenset[str] = frozenset()
    # What may be asked for; None where the engine has one model, which answers whatever is asked.
    offers: tuple[Offer, ...] | None = None
    # Its name.
    engine: str = ""


def parse(config: object, policy: StreamPolicy) -> StreamPlan | ConfigRefusal:
    """Check a client's ``config`` object. Any JSON value may be passed; it never raises.

    ``null`` is the same as leaving the key out.
    """
    if not isinstance(config, Mapping):
        return ConfigRefusal("config", "config must be an object")
    found: dict[str, tuple[str, ...]] = {}
    unknown: list[object] = []
    idle: list[object] = []
    for key, value in config.items():
        if key in _IDLE:
            idle.extend([] if _asks_for_nothing(value) else [key])
        elif key not in _KNOWN and key not in _REFUSED:
            unknown.append(key)
        elif value is not None:
            values = _read(key, value, policy)
            if isinstance(values, WrongValue):
                return ConfigRefusal(key, f"{key} {values.text}")
            if values:
                found[key] = values
    refusal = _contradiction(found)
    if refusal is not None:
        return refusal
    plan = _plan(found, policy, _remarks(unknown, idle))
    return plan if policy.offers is None else priced(plan, policy.offers)


def _read(key: str, value: object, policy: StreamPolicy) -> tuple[str, ...] | WrongValue:
    """One known option: its strings for the query, or what is wrong with it."""
    if key in _REFUSED:
        is_default = _asks_for_nothing(value) or (key == "alternatives" and value in (1, "1"))
        return () if is_default else WrongValue(_REFUSED[key])
    if key == "encoding" and isinstance(value, str) and value in _COMPRESSED:
        raw = ", ".join(SAMPLE_BYTES)
        return WrongValue(f"must be raw audio ({raw}): compressed audio can't be metered")
    reader = _FORMAT.get(key) or _ALLOWED.get(key) or _PAID[key]
    values = reader(value)
    return (
        values if key not in _PAID or isinstance(values, WrongValue) else _paid(key, values, policy)
    )


def _asks_for_nothing(value: object) -> bool:
    """Whether this is how programs spell an option that they leave alone."""
    if isinstance(value, str):
        return value.lower() in {"", "false"}
    return value is None or value is False or value in ([], {})


def _paid(key: str, values: tuple[str, ...], policy: StreamPolicy) -> tuple[str, ...] | WrongValue:
    if not values or values == ("false",):
        return ()  # Asking for the default costs nothing.
    return values if key in policy.paid_features else WrongValue("is not offered by this server")


def _contradiction(found: Mapping[str, tuple[str, ...]]) -> ConfigRefusal | None:
    """What no single option shows: they must also fit together."""
    if "utterance_end_ms" in found and found.get("interim_results") != ("true",):
        return ConfigRefusal("utterance_end_ms", "utterance_end_ms needs interim_results")
    encoding = found.get("encoding", ("linear16",))[0]
    if encoding != "linear16" and "sample_rate" not in found:
        # The default rate is the default encoding's; guessing another would bill wrongly.
        return ConfigRefusal("sample_rate", f"sample_rate must be given with {encoding}")
    weights = {
        key: sum(len(key) + 2 + len(quote(value, safe="")) for value in values)
        for key, values in found.items()
    }
    if sum(weights.values()) > _QUERY_BYTES:
        heaviest = max(weights, key=weights.__getitem__)
        return ConfigRefusal(heaviest, f"{heaviest} is too long: shorten the lists of phrases")
    return None


def _plan(
    found: Mapping[str, tuple[str, ...]], policy: StreamPolicy, remarks: tuple[str, ...]
) -> StreamPlan:
    options = {k: v for k, v in found.items() if k not in {*_FORMAT, "model", "interim_results"}}
    if policy.language:
        options.setdefault("language", (policy.language,))
    return StreamPlan(
        format=AudioFormat(
            encoding=found.get("encoding", ("linear16",))[0],
            sample_rate=int(found.get("sample_rate", ("16000",))[0]),
            channels=int(found.get("channels", ("1",))[0]),
            multichannel=found.get("multichannel") == ("true",),
        ),
        model=found.get("model", (policy.model,))[0],
        interim_results=found.get("interim_results") == ("true",),
        options=options,
        remarks=remarks,
        engine=policy.engine,
    )


def _remarks(unknown: Sequence[object], idle: Sequence[object]) -> tuple[str, ...]:
    """What the app is told about options that were left out, a sentence each."""
    remarks: list[str] = []
    if unknown:
        remarks.append(f"{_listed(unknown, _hint)}: not known, and ignored.")
    if idle:
        remarks.append(f"{_listed(idle)}: without effect on live audio, and ignored.")
    return tuple(remarks)


def _listed(keys: Sequence[object], hint: Callable[[object], str] = lambda _: "") -> str:
    names = ", ".join(_shown(key) + hint(key) for key in keys[:_NAMES_MOST])
    more = len(keys) - _NAMES_MOST
    return f"{names} and {more} more" if more > 0 else names


def _shown(key: object) -> str:
    """The key as it may be told to the client: short, printable, valid UTF-8."""
    text = key if isinstance(key, str) and key.isprintable() else ascii(key)
    return text if len(text) <= _NAME_CHARACTERS else text[:_NAME_CHARACTERS] + "…"


def _hint(key: object) -> str:
    if not isinstance(key, str) or len(key) > _NAME_CHARACTERS:
        return ""
    near = get_close_matches(key.lower(), _KNOWN, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
