"""What children say, cut into messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.children.lines import LINE_BYTES_MAX, Lines


@given(st.data())
def test_lines_do_not_depend_on_how_the_pipe_cuts_them(data: st.DataObject) -> None:
    """Messages are found whatever the chunks are, in order and whole."""
    messages = [{"n": n, "text": "wörd\n"} for n in range(4)]
    stream = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    lines, found = Lines(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        lines.feed(stream[start:end])
        while (message := lines.next()) is not None:
            found.append(message)

    assert found == messages


@pytest.mark.parametrize("line", [b"x" * (LINE_BYTES_MAX + 1), b"nonsense\n", b"[]\n", b"\xff\n"])
def test_what_no_child_writes_is_refused(line: bytes) -> None:
    """A line too long, or one that holds no object, is an error."""
    lines = Lines()
    lines.feed(line)

    with pytest.raises(ValueError):  # noqa: PT011 - any kind: the caller translates all
        lines.next()
