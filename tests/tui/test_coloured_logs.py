"""The colours of a log on the screen, and its long lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style
from textual.pilot import Pilot

from runforge.text import coloured_log
from runforge.tui import wrapping
from runforge.tui.coloured import marked, parsed
from tests.hostile import CORPUS, harm_in

from .test_log_view import Alone, play


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("32", "color(2)"),
        ("1;91", "bold color(9)"),
        ("38;5;208", "color(208)"),
        ("38;2;1;2;3", "#010203"),
        ("48:5:20", "on color(20)"),
        ("1;22", "not bold not dim"),
        ("31;0", ""),
        ("38;5", ""),
        ("38;5;999", ""),
        ("5", ""),
        ("", ""),
    ],
)
def test_a_style_is_what_a_terminal_would_show(codes: str, style: str) -> None:
    line = parsed(f"a \x1b[{codes}mb")
    assert line.text == "a b"
    shown = line.pieces[-1].style if line.pieces else Style.null()
    assert shown == Style.parse(style) or (not shown and not style)


def test_tabs_stand_where_they_would_without_colours() -> None:
    assert parsed("ab\x1b[31m\tc\x1b[0m\td").text == "ab\tc\td".expandtabs(4)


def test_what_is_searched_for_is_reversed_across_styles() -> None:
    pieces = list(marked(parsed("x \x1b[31mlo\x1b[32mss\x1b[0m LOSS"), "loss"))
    assert [text for text, style in pieces if style.reverse] == ["lo", "ss", "LOSS"]
    assert "".join(text for text, _ in pieces) == "x loss LOSS"


def test_hostile_lines_stay_harmless() -> None:
    for text in CORPUS:
        line = parsed(coloured_log(f"\x1b[31m{text}\x1b[0m").replace("\n", " "))
        assert harm_in(line.text.encode("utf-8", "surrogatepass")) == []
        assert "\x1b" not in line.text


def test_wrapped_rows_hold_the_whole_line_and_no_half_character() -> None:
    lines = ["short", "x" * 25, "", "学" * 6]
    rows = wrapping.down(lines.__getitem__, 0, 4, (10, 20))
    assert [(row.line, row.start) for row in rows] == [
        (0, 0),
        (1, 0),
        (1, 10),
        (1, 20),
        (2, 0),
        (3, 0),
        (3, 10),
    ]
    assert wrapping.up(lines.__getitem__, 4, (10, 3)) == rows[-3:]
    assert wrapping.down(lines.__getitem__, 1, 4, (10, 2)) == rows[1:3]


def test_the_log_is_coloured_and_w_wraps_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    long = "".join(f"word{number:02d} " for number in range(20))
    path.write_text("\n".join(["first", f"\x1b[32mINFO\x1b[0m {long}", *["more"] * 30, long + "END"]) + "\n")

    async def script(app: Alone, pilot: Pilot[None]) -> None:
        assert "END" not in "".join(app.rows)
        await pilot.press("W")
        assert app.rows[-1].endswith("END")
        await pilot.press("g")
        assert app.rows[0] == "first"
        assert app.rows[3].endswith("word19")
        info = app.view.render_line(1)._segments[0]
        assert info.text == "INFO"
        assert info.style is not None
        assert info.style.color is not None
        await pilot.press("j", "j")
        assert app.rows[0] == "more"
        await pilot.press("G", "W")
        assert "END" not in "".join(app.rows)

    play(path, script)
