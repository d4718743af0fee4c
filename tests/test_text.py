"""Text from outside: nothing that a terminal would obey gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.text import coloured_log, safe, safe_log

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
    assert safe_log("10%\r50%\r100%\nnext\tline\x1b[2J\n") == "100%\nnext\tline\\x1b[2J\n"
    assert safe_log("\x1b[32mINFO\x1b[0m epoch \x1b[1;34m1\x1b[0m") == "INFO epoch 1"


def test_a_coloured_log_keeps_colours_and_nothing_else() -> None:
    colours = "\x1b[32mgreen\x1b[0m \x1b[1;38;5;8mgrey\x1b[38;2;8;8;8m\x1b[4:3m\x1b[m"
    assert coloured_log(colours) == colours
    assert coloured_log("\x1b[8mx\x1b[1;08my") == "\\x1b[8mx\\x1b[1;08my"
    assert coloured_log("\x1b\x1b[0m[2J") == "\\x1b\x1b[0m[2J"


@given(st.lists(st.sampled_from(["\x1b", "[", "0", ";", "8", "m", "J", "\x9b", "\n", "\r", "x", "]52;c"])))
def test_whatever_a_log_holds_only_colours_get_through(parts: list[str]) -> None:
    left = re.sub(r"\x1b\[[0-9;:]*m", "", coloured_log("".join(parts)))
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in left.replace("\n", "").replace("\t", ""))
