"""What is asked of a recording, as it stands in a request: names in any case, all of it judged."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import UNSET, UnsetType
from quart import request

from relayd.intake.asked import Asked, Format
from relayd.outbound.requests import url_problem
from relayd.routes.toolkit.bodies import INVALID_FIELD, MALFORMED_JSON, parse_object
from relayd.routes.toolkit.forms import STORABLE, Form, told
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.wiring import Batch

__all__ = [
    "ASKING",
    "INVALID_URL",
    "IdempotencyKey",
    "Wishes",
    "checked_url",
    "clean_name",
    "idempotency_key",
    "understood",
    "webhook_url",
    "wishes_of_form",
]

UNKNOWN_MODEL: Final = Refusal(422, "unknown_model", "There is no such model here.")
UNKNOWN_FORMAT: Final = Refusal(
    422, "unknown_format", f"The format is one of {', '.join(one.value for one in Format)}."
)
INVALID_URL: Final = Refusal(422, "invalid_url", "That is no address of the web.")
INVALID_KEY: Final = Refusal(
    422, "invalid_idempotency_key", "An Idempotency-Key has 1 to 255 visible ASCII characters."
)
# Of whatever asks for a recording to be transcribed.
ASKING: Final = (INVALID_FIELD, UNKNOWN_MODEL, UNKNOWN_FORMAT, INVALID_URL, INVALID_KEY)

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
# BCP 47, as far as engines name languages: en, pt-BR, zh-Hant-TW.
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_PROMPT_MAX: Final = 4000
_NAME_MAX: Final = 255
_METADATA_BYTES: Final = 4096
_YES: Final = {"true", "1", "yes", "on"}
_NO: Final = {"false", "0", "no", "off", ""}

IdempotencyKey = Annotated[
    str,
    told(
        "Of the caller's making: the same request with the same key is the same transcription.",
        "talk-7",
        minLength=1,
        maxLength=255,
        pattern=r"^[\x21-\x7e]+$",
    ),
]


class Wishes(Form):
    """What is wanted of a recording; every field may be left out."""

    model: Annotated[str, told("A model's name, in any case.", "default")] | UnsetType = UNSET
    format: (
        Annotated[
            str,
            told("json, verbose_json, txt, srt, vtt or html, in any case.", "srt"),
        ]
        | UnsetType
    ) = UNSET
    language: (
        Annotated[str, told("BCP 47; left out: the engine finds out.", "en", maxLength=35)]
        | UnsetType
    ) = UNSET
    prompt: (
        Annotated[
            str,
            told(
                "Names and terms that are likely to be heard.",
                "relayd, Trio",
                maxLength=_PROMPT_MAX,
                pattern=STORABLE,
            ),
        ]
        | UnsetType
    ) = UNSET
    diarize: (
        Annotated[bool, told("Say who speaks, where the model can.", sample=False)] | UnsetType
    ) = UNSET
    channels: (
        Annotated[
            bool, told("Transcribe each channel by itself, where the model can.", sample=False)
        ]
        | UnsetType
    ) = UNSET
    webhook_url: (
        Annotated[
            str,
            told("Where its end is told; see webhooks.", "https://example.com/hook", format="uri"),
        ]
        | UnsetType
    ) = UNSET
    metadata: (
        Annotated[dict[str, Any], told("The caller's own, 4 KiB at most.", {"talk": 7})] | UnsetType
    ) = UNSET


def wishes_of_form(fields: Mapping[str, str]) -> Wishes:
    """A form's fields as wishes: an empty one is left out, others that aren't known too."""
    given: dict[str, Any] = {
        name: value for name, value in fields.items() if value and name in Wishes.__struct_fields__
    }
    for name in ("diarize", "channels"):
        if name in given:
            given[name] = _as_bool(name, given[name])
    if "metadata" in given:
        try:
            given["metadata"] = parse_object(given["metadata"].encode())
        except Problem:
            raise MALFORMED_JSON.problem("The field metadata must be a JSON object.") from None
    return Wishes(**given)


def understood(wishes: Wishes, batch: Batch, name: str) -> Asked:
    """Wishes as what is done; ``name`` is the file's. Raises the refusal of what can't be."""
    return Asked(
        model=_model(wishes, batch),
        format=_format(wishes),
        language=_language(_text("language", wishes.language)),
        prompt=_bounded("prompt", _text("prompt", wishes.prompt), _PROMPT_MAX),
        diarise=wishes.diarize is True,
        channels=wishes.channels is True,
        name=clean_name(name),
        metadata=_metadata(wishes),
        idempotency_key=idempotency_key(),
    )


def webhook_url(wishes: Wishes) -> str | None:
    """Where its end is to be told."""
    if wishes.webhook_url is UNSET or not wishes.webhook_url:
        return None
    return checked_url(wishes.webhook_url)


def checked_url(url: str) -> str:
    """An address that may be tried."""
    problem = url_problem(url)
    if problem is not None:
        raise INVALID_URL.problem(f"That can't be asked: {problem}.")
    return url


def idempotency_key() -> str | None:
    """The request's own name for itself."""
    values = request.headers.getlist("Idempotency-Key")
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise INVALID_KEY.problem()
    return str(values[0])


def _model(wishes: Wishes, batch: Batch) -> str:
    wanted = _text("model", wishes.model).strip()
    found = batch.model(wanted)
    if found is None:
        raise UNKNOWN_MODEL.problem(f"The models here are {', '.join(batch.models)}.")
    return found


def _format(wishes: Wishes) -> Format:
    if wishes.format is UNSET or not wishes.format:
        return Format.JSON
    found = Format.named(wishes.format)
    if found is None:
        raise UNKNOWN_FORMAT.problem()
    return found


def _language(text: str) -> str:
    if text and not _LANGUAGE.fullmatch(text):
        raise INVALID_FIELD.problem("The field language must be a tag such as en or pt-BR.")
    return text


def _metadata(wishes: Wishes) -> Mapping[str, Any]:
    if wishes.metadata is UNSET:
        return {}
    try:
        # Neither an infinite number nor half of a surrogate pair is anything PostgreSQL takes.
        said = json.dumps(wishes.metadata, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise INVALID_FIELD.problem("The field metadata has what can't be stored.") from None
    if len(said) > _METADATA_BYTES:
        raise INVALID_FIELD.problem(f"The field metadata has more than {_METADATA_BYTES:,} bytes.")
    if b"\\u0000" in said:
        raise INVALID_FIELD.problem("The field metadata has characters that no text has.")
    return wishes.metadata


def _text(name: str, value: str | UnsetType) -> str:
    if value is UNSET:
        return ""
    if not _is_storable(value):
        raise INVALID_FIELD.problem(f"The field {name} has characters that no text has.")
    return value


def _bounded(name: str, value: str, most: int) -> str:
    if len(value) > most:
        raise INVALID_FIELD.problem(f"The field {name} has more than {most:,} characters.")
    return value


def _is_storable(text: str) -> bool:
    return not any(one == "\0" or "\ud800" <= one <= "\udfff" for one in text)


def clean_name(name: str) -> str:
    """A file's name without its folders, short, of characters that can be shown."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(one for one in last if one.isprintable())[:_NAME_MAX]


def _as_bool(name: str, text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in _YES | _NO:
        raise INVALID_FIELD.problem(f"The field {name} must be true or false.")
    return lowered in _YES
