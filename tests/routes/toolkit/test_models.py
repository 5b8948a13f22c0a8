"""Which model a request for a recording means."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from relayd.routes.toolkit.wiring import Batch


@pytest.mark.parametrize(
    ("models", "asked", "meant"),
    [
        (("moonshine", "Best"), "", "moonshine"),
        (("moonshine", "Best"), "default", "moonshine"),
        (("moonshine", "Best"), "bEST", "Best"),
        (("moonshine", "Default"), "default", "Default"),
        (("moonshine", "Best"), "huge", None),
    ],
)
def test_the_model_that_is_meant(models: tuple[str, ...], asked: str, meant: str | None) -> None:
    """By its name in any case; without one, or as the default, the server's first."""
    offering = cast("Any", SimpleNamespace(models=models))
    assert Batch.model(offering, asked) == meant
