"""Text from outside: nothing that a terminal would obey gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.text import safe, safe_log

HOSTILE = ["\x1b]52;c;UFdORUQ=\x07", "\x9b2J", "\x00", "a\u202eb", "\u2028", "\ud800", "\r", "\x7f"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_unprintable_gets_through(text: str) -> None:
    shown = safe(f"x{text}y")
    assert shown.isprintable()
    assert shown.encode("utf-8")


@given(st.text())
def test_safe_text_is_one_printable_line(text: str) -> None:
    shown = safe(text)
    assert "\n" not in shown
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)


def test_a_log_keeps_its_lines_and_the_last_state_of_a_progress_bar() -> None:
    assert safe_log("10%\r50%\r100%\nnext\tline\x1b[31m\n") == "100%\nnext\tline\\x1b[31m\n"
