"""What can go wrong for an app: a small tree of its own, so that the client embeds anywhere.

    ClientError
    ├── ConnectError        nobody answers at that address, or what answers is not relayd
    ├── RefusedError        relayd answered, and will not run this session
    ├── DisconnectedError   a running session was cut: no ending was heard
    ├── RequestError        an HTTP request was answered with an error
    └── AudioError          a recording or a microphone can't be read

A session that ends in order, even for lack of credit, raises nothing: see `Ending`.
"""

__all__ = [
    "AudioError",
    "ClientError",
    "ConnectError",
    "DisconnectedError",
    "RefusedError",
    "RequestError",
]


class ClientError(Exception):
    """Base of all of them."""


class ConnectError(ClientError):
    """No connection: wrong address, nobody listening, TLS trouble, or not a relayd server."""


class RefusedError(ClientError):
    """The server said no before the session was ready.

    ``code`` is the protocol's (``auth_failed``, ``insufficient_credits``, ``bad_config``, …),
    ``message`` its wording for people, ``close_code`` the WebSocket's (4401, 4402, 4400, …).
    """

    def __init__(self, code: str, message: str, close_code: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.close_code = close_code


class DisconnectedError(ClientError):
    """The connection broke before the server said how the session ended.

    What was heard until then is valid. ``close_code`` is 1006 where no close frame came.
    """

    def __init__(self, problem: str, close_code: int = 1006) -> None:
        super().__init__(problem)
        self.close_code = close_code


class RequestError(ClientError):
    """An HTTP request was refused: ``status``, and the ``code`` and ``message`` of its body.

    ``retry_after_seconds`` is there with a 429.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class AudioError(ClientError):
    """Audio can't be read; the text says what and why."""
