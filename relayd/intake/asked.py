"""What a caller wants to have done with a recording; what tells one request from another. Pure."""

import enum
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

import attrs

from relayd.transcriptions.outcomes import Submission

__all__ = ["Asked", "Format"]


class Format(enum.Enum):
    """How words are written."""

    JSON = "json"
    VERBOSE_JSON = "verbose_json"
    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    HTML = "html"

    @classmethod
    def named(cls, name: str) -> Self | None:
        """By its name in any case; ``text`` is another one of ``txt``."""
        wanted = name.strip().lower()
        return next(
            (one for one in cls if one.value == ("txt" if wanted == "text" else wanted)), None
        )


@attrs.frozen
class Asked:
    """One request. ``model`` is a name in the spelling of the catalogue."""

    model: str
    format: Format = Format.JSON
    # A BCP-47 tag; empty: the engine finds out.
    language: str = ""
    # Names and terms that are likely to be heard.
    prompt: str = ""
    diarise: bool = False
    channels: bool = False
    # The file's name, as its owner calls it.
    name: str = ""
    # The caller's own. JSON.
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    # The endpoint that is told of its end.
    webhook: UUID | None = None
    idempotency_key: str | None = None
    # The key that it is asked with, and whether that only pretends.
    key_id: UUID | None = None
    test: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What is recorded beside model, name and metadata. JSON."""
        said = {
            "format": self.format.value,
            "language": self.language,
            "prompt": self.prompt,
            "diarise": self.diarise,
            "channels": self.channels,
            "webhook": None if self.webhook is None else str(self.webhook),
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def recorded(
        cls,
        model: str,
        name: str,
        options: Mapping[str, Any],
        metadata: Mapping[str, Any],
        *,
        idempotency_key: str | None,
    ) -> Self:
        """As it was recorded."""
        webhook = options.get("webhook")
        return cls(
            model=model,
            format=Format(options.get("format", Format.JSON.value)),
            language=options.get("language", ""),
            prompt=options.get("prompt", ""),
            diarise=options.get("diarise", False),
            channels=options.get("channels", False),
            name=name,
            metadata=metadata,
            webhook=None if webhook is None else UUID(webhook),
            idempotency_key=idempotency_key,
        )

    def submission(self, user_id: UUID, recording_id: UUID, fingerprint: bytes) -> Submission:
        """As it enters the queue; its place in the store and its length are yet to be known."""
        return Submission(
            id=recording_id,
            user_id=user_id,
            model=self.model,
            source="",
            measured_ms=0,
            name=self.name,
            options=self.options,
            metadata=self.metadata,
            idempotency_key=self.idempotency_key,
            fingerprint=fingerprint,
            key_id=self.key_id,
            test=self.test,
        )

    def fingerprint(self, recording: bytes) -> bytes:
        """Tell this request from others; ``recording`` is its SHA-256, or its URL."""
        said = json.dumps(
            [self.model, self.name, self.options, self.metadata],
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        return hashlib.sha256(said.encode() + b"\0" + recording).digest()
