"""[[engines.deepgram.models]]: a list of tables inside of a section."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from relayd.config import Model
from relayd.config.sections.offers import DEFAULT_MODELS
from relayd.errors import ConfigError
from tests.config.files import read

SECTION = "[engines.deepgram]\nsend_seconds = 3\n"
TABLE = "[[engines.deepgram.models]]\nname = 'nova-3'\n"


def test_written_models_replace_the_defaults(tmp_path: Path) -> None:
    """Whoever writes one sells this one and no other, beside the section's own keys."""
    plain = read(tmp_path, SECTION).engines.deepgram
    written = read(
        tmp_path, SECTION + TABLE + "rate = 1500\nlanguages = ['en', 'de']\ncents_per_minute = 0.9"
    ).engines.deepgram

    assert plain.models == DEFAULT_MODELS
    assert written.send_seconds == 3
    assert written.models == (
        Model(name="nova-3", languages=("en", "de"), rate=1500, cents_per_minute=Decimal("0.9")),
    )


def test_models_in_the_environment(tmp_path: Path) -> None:
    """The whole list in one variable, stronger than the file."""
    text = '[{name = "nova-2"}, {name = "base", rate = 500}]'
    found = read(tmp_path, TABLE, {"RELAYD_ENGINES__DEEPGRAM__MODELS": text})

    assert [(one.name, one.rate) for one in found.engines.deepgram.models] == [
        ("nova-2", 1000),
        ("base", 500),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[engines.deepgram]\nmodels = []", "engines.deepgram.models"),
        ("[engines.deepgram]\nmodels = 'nova-3'", "engines.deepgram.models"),
        ("[engines.deepgram.models]\nname = 'nova-3'", "engines.deepgram.models"),
        ("engines = 3", "engines"),
        ("[[engines.deepgram.models]]\nrate = 3", "engines.deepgram.models[0].name"),
        (TABLE + "rate = 0", "engines.deepgram.models[0].rate"),
        (TABLE + "rate = 1.5", "engines.deepgram.models[0].rate"),
        (TABLE + "price = 3", "engines.deepgram.models[0].price"),
        (TABLE + "languages = ['english language']", "engines.deepgram.models[0].languages"),
        (TABLE + TABLE + "cents_per_minute = '1'", "engines.deepgram.models[1].cents_per_minute"),
        ("[[engines.deepgram.models]]\nname = ''", "engines.deepgram.models[0].name"),
    ],
)
def test_wrong_models_are_refused_by_name(tmp_path: Path, text: str, key: str) -> None:
    """The table and its key are named, as everywhere."""
    with pytest.raises(ConfigError, match=re.escape(key)) as caught:
        read(tmp_path, text)
    assert caught.value.key == key
