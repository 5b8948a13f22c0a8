"""Stream a recording as if it were spoken now, and print the words as they come.

    pip install websockets
    python stream.py you@example.org talk.wav

The recording is a WAV file with 16 bits a sample, such as `ffmpeg -i talk.mp3 -ar 16000 -ac 1
talk.wav` makes. The password is asked for, or taken from RELAYD_PASSWORD.
"""

import getpass
import json
import os
import sys
import threading
import time
import urllib.request
import wave

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SERVER = "https://relay.example"


def sign_in(email: str, password: str) -> str:
    """An access token. It is good for days: keep it, and sign in again where it is refused."""
    request = urllib.request.Request(
        f"{SERVER}/auth/login",
        data=json.dumps({"email": email, "password": password}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]


def speak(socket: ClientConnection, recording: wave.Wave_read) -> None:
    """Send pieces of 100 ms at the pace of speech; engines take little more than that."""
    due = time.monotonic()
    try:
        while audio := recording.readframes(recording.getframerate() // 10):
            socket.send(audio)
            due += 0.1
            time.sleep(max(0, due - time.monotonic()))
        socket.send(json.dumps({"type": "stop"}))
    except ConnectionClosed:
        pass  # the session has ended; its reason is read below


def main(email: str, path: str) -> None:
    """Sign in, speak, and listen until the session ends."""
    password = os.environ.get("RELAYD_PASSWORD") or getpass.getpass()
    token = sign_in(email, password)
    address = SERVER.replace("http", "ws", 1) + "/ws/transcribe"
    with wave.open(path) as recording, connect(address) as socket:
        config = {
            "sample_rate": recording.getframerate(),
            "channels": recording.getnchannels(),
            "punctuate": True,
        }
        socket.send(json.dumps({"type": "auth", "token": token, "config": config}))
        for text in socket:
            message = json.loads(text)
            if message["type"] == "ready":
                threading.Thread(target=speak, args=(socket, recording)).start()
            elif message["type"] == "transcript" and message["is_final"]:
                print(message["text"], flush=True)
            elif message["type"] in {"credits_low", "error"}:
                print(text, file=sys.stderr)
            elif message["type"] == "session_end":
                print(f"{message['reason']}, {message['seconds_used']} s used", file=sys.stderr)
                break


main(*sys.argv[1:])
