"""Live captions in a terminal: ``python examples/captions.py app.yaml``.

The file holds the block ``remote:``; secrets that still stand in it move to the system's keyring.

    remote:
      mode: byok
      byok_api_key: …
"""

import sys
from pathlib import Path

from ruamel.yaml import YAML

from relayd.client import RemoteTranscriptionEngine, State, SystemVault, move_secrets


def show(text: str, is_final: bool) -> None:
    """Interim words are written over by what replaces them."""
    if text:
        print(f"\r\x1b[K{text}", end="\n" if is_final else "", flush=True)


def stand(state: State, message: str) -> None:
    """How the connection stands."""
    print(f"\r\x1b[K[{state.value}] {message}", file=sys.stderr)


def main() -> None:
    """Listen to the microphone until Enter is pressed."""
    path, vault = Path(sys.argv[1]), SystemVault()
    move_secrets(path, vault)
    engine = RemoteTranscriptionEngine(
        YAML(typ="safe").load(path),
        show,
        on_state=stand,
        on_balance=lambda seconds: print(f"\r\x1b[K[{seconds / 60:.0f} min left]", file=sys.stderr),
        on_error=lambda message: print(f"\r\x1b[K[{message}]", file=sys.stderr),
        microphone=True,
    )
    engine.start()
    try:
        input("Speak, then press Enter.\n")
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
