"""Errors in Stripe's shape: a type, a code, a sentence, the parameter at fault."""

from typing import Any

__all__ = ["ApiError", "invalid", "missing", "unexpected_state"]


class ApiError(Exception):
    """A refused request: the status and the body of the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param

    def body(self, request_id: str) -> dict[str, Any]:
        """What Stripe would send."""
        error: dict[str, Any] = {"message": str(self), "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(what: str, key: str, param: str = "id") -> ApiError:
    """An object that is not there."""
    return ApiError(404, f"No such {what}: '{key}'", code="resource_missing", param=param)


def invalid(param: str, message: str, code: str | None = None) -> ApiError:
    """A parameter that can't be."""
    return ApiError(400, message, code=code, param=param)


def unexpected_state(message: str, code: str | None = None) -> ApiError:
    """Something that can't be done with an object as it is now."""
    return ApiError(400, message, code=code)
