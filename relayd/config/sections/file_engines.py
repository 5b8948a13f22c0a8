"""The keys of `[engines.files]`, `[engines.whispercpp]` and of servers with OpenAI's interface."""

from pathlib import Path

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["FileProcesses", "OpenAiCompatible", "OpenAiServer", "WhisperCpp"]


@attrs.frozen(kw_only=True)
class FileProcesses:
    """The processes that transcribe recordings on this machine, whichever model they load."""

    slots: int = attrs.field(
        default=2,
        metadata=about(
            "Processes at once in each worker. Each keeps its model in memory and works at the "
            "lowest priority.",
            unit="processes",
            least=1,
            most=256,
        ),
    )
    open_seconds: float = attrs.field(
        default=60,
        metadata=about(
            "A process must have loaded its model by then.", unit="seconds", least=1, most=600
        ),
    )
    stall_seconds: float = attrs.field(
        default=300,
        metadata=about(
            "A process that says nothing for so long is given up; a large model takes long for "
            "half a minute of sound.",
            unit="seconds",
            least=10,
            most=3600,
        ),
    )
    part_minutes: int = attrs.field(
        default=10,
        metadata=about(
            "Longer recordings are cut where it is quiet, and their parts transcribed side by "
            "side.",
            unit="minutes",
            least=1,
            most=600,
        ),
    )


@attrs.frozen(kw_only=True)
class WhisperCpp:
    """whisper.cpp on this machine."""

    directory: Path = attrs.field(
        default=Path("models"),
        metadata=about(
            "Models in ggml files; `relayd models` fetches them. The file ggml-base.en.bin is the "
            "model base.en.",
            unit="path",
        ),
    )
    threads: int = attrs.field(
        default=0,
        metadata=about(
            "Of each process. 0: the cores, shared out among the slots.",
            unit="threads",
            least=0,
            most=256,
        ),
    )


@attrs.frozen(kw_only=True)
class OpenAiCompatible:
    """Any server with OpenAI's interface for recordings."""

    url: str = attrs.field(
        default="",
        metadata=about(
            'Its base URL, such as "https://api.openai.com/v1"; empty leaves it off. http:// only '
            "to loopback.",
            unit="URL",
            form=forms.files_url,
        ),
    )
    api_key: Secret = attrs.field(
        default=Secret(""),
        converter=as_secret,
        metadata=about("Its key; empty where the server wants none.", unit="text"),
    )
    models: tuple[str, ...] = attrs.field(
        default=("whisper-1",),
        metadata=about("Models of this server, by its own names.", unit="names"),
    )
    part_minutes: int = attrs.field(
        default=10,
        metadata=about(
            "Longer recordings are cut where it is quiet. Ten minutes are 10 to 15 MB as FLAC; "
            "OpenAI takes 25 MB.",
            unit="minutes",
            least=1,
            most=600,
        ),
    )
    request_seconds: float = attrs.field(
        default=600,
        metadata=about(
            "For one part, from the last byte sent to the answer.",
            unit="seconds",
            least=1,
            most=3600,
        ),
    )


@attrs.frozen(kw_only=True)
class OpenAiServer(OpenAiCompatible):
    """One of several of them, by a name of its own."""

    name: str = attrs.field(
        metadata=about(
            "What [[models]] calls it, and no other engine: groq in groq:whisper-large-v3.",
            unit="name",
            form=forms.server_name,
        )
    )
