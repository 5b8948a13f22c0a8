"""Whisper on a GPU of Modal, behind the interface that `[engines.openai_compatible]` speaks.

    pip install modal
    modal secret create relayd-whisper API_KEY=$(openssl rand -hex 32)
    modal deploy deploy/modal_whisper.py

prints the URL. In relayd.toml, with the same key:

    [engines.openai_compatible]
    url = "https://….modal.run/v1"
    api_key = "…"
    models = ["large-v3-turbo"]

A GPU starts with the first recording and ends with the last, so it costs nothing in between.
"""

import hmac
import os
import tempfile
from typing import Annotated, Any

import modal

MODELS = ("large-v3-turbo", "large-v3", "small", "base")
GPU = "L4"
# A container goes on for so long after its last file; loading a model takes ten seconds.
IDLE_SECONDS = 60
# Of one file: relayd sends parts of ten minutes, which take well under one.
FILE_SECONDS = 900
FILE_BYTES_MAX = 200 * 1024**2

image = modal.Image.from_registry(
    "nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04", add_python="3.12"
).pip_install("faster-whisper==1.2.1", "fastapi==0.115.*", "python-multipart==0.0.*")
app = modal.App("relayd-whisper", image=image)


@app.cls(
    gpu=GPU,
    scaledown_window=IDLE_SECONDS,
    timeout=FILE_SECONDS,
    secrets=[modal.Secret.from_name("relayd-whisper")],
    # Weights are fetched once for all containers.
    volumes={"/models": modal.Volume.from_name("relayd-whisper-models", create_if_missing=True)},
)
class Whisper:
    """One container: a GPU, and the model that was asked for last."""

    @modal.enter()
    def begin(self) -> None:
        """Start with no model."""
        self.name, self.model = "", None

    @modal.asgi_app()
    def serve(self) -> Any:
        """The interface: ``POST /v1/audio/transcriptions``."""
        from fastapi import FastAPI, File, Form, Header, HTTPException, UploadFile

        web = FastAPI()

        @web.post("/v1/audio/transcriptions")
        def transcribe(
            *,
            file: Annotated[UploadFile, File()],
            model: Annotated[str, Form()],
            language: Annotated[str | None, Form()] = None,
            prompt: Annotated[str | None, Form()] = None,
            response_format: Annotated[str, Form()] = "json",
            authorization: Annotated[str, Header()] = "",
        ) -> dict[str, Any]:
            expected = f"Bearer {os.environ['API_KEY']}"
            if not hmac.compare_digest(authorization.encode(), expected.encode()):
                raise HTTPException(401, "the key is wrong")
            if model not in MODELS:
                raise HTTPException(404, f"there are {', '.join(MODELS)}")
            if response_format not in {"json", "verbose_json"}:
                raise HTTPException(400, "response_format must be json or verbose_json")
            if (file.size or 0) > FILE_BYTES_MAX:
                raise HTTPException(413, f"a file may have {FILE_BYTES_MAX} bytes")
            found = self.hear(file.file, model, language, prompt)
            return found if response_format == "verbose_json" else {"text": found["text"]}

        return web

    def hear(
        self, file: Any, model: str, language: str | None, prompt: str | None
    ) -> dict[str, Any]:
        """Transcribe one file: OpenAI's ``verbose_json``."""
        from faster_whisper import WhisperModel

        if model != self.name:
            self.model = WhisperModel(
                model, device="cuda", compute_type="float16", download_root="/models"
            )
            self.name = model
        with tempfile.NamedTemporaryFile() as copy:
            copy.write(file.read())
            copy.flush()
            pieces, about = self.model.transcribe(
                copy.name,
                language=language,
                initial_prompt=prompt,
                word_timestamps=True,
                vad_filter=True,
            )
            segments = [
                {
                    "id": number,
                    "start": one.start,
                    "end": one.end,
                    "text": one.text,
                    "words": [
                        {
                            "word": w.word,
                            "start": w.start,
                            "end": w.end,
                            "probability": w.probability,
                        }
                        for w in one.words or ()
                    ],
                }
                for number, one in enumerate(pieces)
            ]
        return {
            "task": "transcribe",
            "language": about.language,
            "duration": about.duration,
            "text": "".join(one["text"] for one in segments).strip(),
            "segments": segments,
        }
