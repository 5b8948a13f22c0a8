"""`[engine]` and `[engines.*]`: their keys."""

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret
from relayd.config.sections.file_engines import (
    FileProcesses,
    OpenAiCompatible,
    OpenAiServer,
    WhisperCpp,
)
from relayd.config.sections.offers import DEFAULT_MODELS, Model

__all__ = ["Deepgram", "EngineChoice", "Engines", "LocalProcesses"]


@attrs.frozen(kw_only=True)
class EngineChoice:
    """Which engine serves the streams."""

    default: str = attrs.field(
        default="",
        metadata=about(
            'Empty means "deepgram" where its api_key is set, else "moonshine" where its extra is '
            'installed, else "sphinx".',
            unit="name",
            choices=("", "deepgram", "moonshine", "sphinx"),
        ),
    )
    engines: tuple[str, ...] = attrs.field(
        default=(),
        metadata=about(
            'Several of them instead, such as ["deepgram", "moonshine"]. The first takes a stream; '
            "while that one asks for a pause or refuses you, the next. Where one fails in the "
            "middle, another goes on with what has no final words yet.",
            unit="names",
            form=forms.live_engine,
        ),
    )


@attrs.frozen(kw_only=True)
class Deepgram:
    """Deepgram's live API."""

    api_key: Secret = attrs.field(
        default=Secret(""),
        converter=as_secret,
        metadata=about(
            "A key of your Deepgram project with the usage:write scope; empty leaves Deepgram off.",
            unit="text",
        ),
    )
    url: str = attrs.field(
        default="wss://api.deepgram.com",
        metadata=about(
            "Their regional hosts are faster nearby and keep audio there (api.eu.deepgram.com). "
            "ws:// only to loopback.",
            unit="URL",
            form=forms.engine_url,
        ),
    )
    model: str = attrs.field(
        default="nova-3",
        metadata=about("For clients that name no model.", unit="name"),
    )
    language: str = attrs.field(
        default="en",
        metadata=about("For clients that name no language.", unit="BCP-47 tag"),
    )
    paid_features: tuple[str, ...] = attrs.field(
        default=(),
        metadata=about(
            "Options that Deepgram charges extra for and that clients may use all the same, for "
            'example ["diarize", "redact", "keyterm"]. You pay; the user\'s price stays.',
            unit="option names",
        ),
    )
    open_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "The stream must be open by then, or the client hears upstream_unavailable.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    send_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "One piece of audio must be taken by then; otherwise a stalled engine would hold up "
            "the client.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    keepalive_seconds: float = attrs.field(
        default=4,
        metadata=about(
            "While the client is silent: Deepgram ends a stream after 10 s without a message and "
            "advises 3 to 5.",
            unit="seconds",
            least=0.1,
            most=9,
        ),
    )
    close_seconds: float = attrs.field(
        default=2,
        metadata=about(
            "For the closing handshake; then the socket is cut.",
            unit="seconds",
            least=0.1,
            most=30,
        ),
    )
    models: tuple[Model, ...] = attrs.field(
        default=DEFAULT_MODELS,
        metadata=about(
            "What apps may ask for, and its price; the first that has the model and the language "
            "counts, and what is in none is refused as bad_config. Where you write one, all of the "
            "defaults are gone."
        ),
    )


@attrs.frozen(kw_only=True)
class LocalProcesses:
    """The processes of a model on this machine, one for each stream."""

    workers_max: int = attrs.field(
        default=4,
        metadata=about(
            "Processes, one a stream. Further streams hear upstream_unavailable.",
            unit="processes",
            least=1,
            most=256,
        ),
    )
    workers_spare: int = attrs.field(
        default=1,
        metadata=about(
            "Started ahead, so that a stream doesn't wait for its process to load the model.",
            unit="processes",
            least=0,
            most=256,
        ),
    )
    open_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "A process must have loaded its model by then, also on a busy machine.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    rate: int = attrs.field(
        default=1000,
        metadata=about(
            "The credit that a second of audio costs: 1000 sells a second for a second.",
            unit="milliseconds of credit",
            least=1,
            most=10_000,
        ),
    )


@attrs.frozen(kw_only=True)
class Engines:
    """Every engine's own section."""

    deepgram: Deepgram = attrs.field(
        factory=Deepgram, metadata=about("Deepgram's live API: one upstream stream a session.")
    )
    moonshine: LocalProcesses = attrs.field(
        factory=LocalProcesses,
        metadata=about(
            "Moonshine on this machine. It needs no key, understands English and writes "
            "punctuation. A stream takes about 140 MiB, a core serves two of them with room to "
            "spare. Needs the extra relayd[moonshine]."
        ),
    )
    sphinx: LocalProcesses = attrs.field(
        factory=LocalProcesses,
        metadata=about(
            "pocketsphinx on this machine. It needs no key and its words are poor: it is there to "
            "try the whole path. A stream takes about 105 MiB, a core serves two of them. Needs "
            "the extra relayd[local]."
        ),
    )
    files: FileProcesses = attrs.field(
        factory=FileProcesses,
        metadata=about(
            "Recordings on this machine: the processes that Moonshine and whisper.cpp share."
        ),
    )
    whispercpp: WhisperCpp = attrs.field(
        factory=WhisperCpp,
        metadata=about(
            "whisper.cpp on this machine, for recordings, in a hundred languages. Needs the extra "
            "relayd[whispercpp]."
        ),
    )
    openai_compatible: OpenAiCompatible = attrs.field(
        factory=OpenAiCompatible,
        metadata=about(
            "Recordings for a server with OpenAI's interface: OpenAI, Groq, speaches, vLLM, or "
            "deploy/modal_whisper.py on a GPU of Modal."
        ),
    )
    openai_servers: tuple[OpenAiServer, ...] = attrs.field(
        default=(),
        metadata=about(
            "Further servers with OpenAI's interface, beside that of [engines.openai_compatible] "
            "or instead of it, each an engine by its own name."
        ),
    )

    def models_of(self, engine: str) -> tuple[Model, ...]:
        """What the engine of this name sells, each at its rate."""
        if engine == "deepgram":
            return self.deepgram.models
        processes: LocalProcesses = getattr(self, engine)
        return (Model(name=engine, rate=processes.rate),)
