"""What the screens remember, find and announce."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from textual._context import visible_screen_stack
from textual.color import Color
from textual.strip import Strip

from runforge.queue import cancel
from runforge.tui import choices
from runforge.tui.choices import Choices
from runforge.tui.group_screen import GroupScreen
from runforge.tui.log_view import LogView
from runforge.tui.run_screen import RunScreen
from runforge.workspace import Workspace

from .kit import WIDE, Looker, enqueue, lived, look

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"theme": 7, "wrap": "yes"}', '{"other": true}', "[" * 99_999]
)
def test_a_damaged_file_of_choices_is_no_choice(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tui.json"
    file.write_text(text)
    assert choices.read(file) == Choices()


def test_the_file_is_where_the_user_configures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Path(choices.path()) == tmp_path / "runforge" / "tui.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Path(choices.path()) == tmp_path / ".config" / "runforge" / "tui.json"


def test_the_theme_and_wrapped_lines_are_as_they_were_the_last_time(ws: Workspace, tmp_path: Path) -> None:
    lived(ws)
    file = tmp_path / "none yet" / "tui.json"

    async def first(at: Looker) -> None:
        await at.sees("0001")
        at.app.theme = "nord"
        await at.press("enter")
        await at.sees("following")
        await at.press("W")
        await at.until(lambda: file.exists() and json.loads(file.read_text())["wrap"], "written")

    async def second(at: Looker) -> None:
        assert at.app.theme == "nord"
        await at.sees("0001")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "the run")
        assert at.app.screen.query_one(LogView)._is_wrapped

    look(ws, first, choices_file=file)
    look(ws, second, choices_file=file)


def test_the_palette_finds_runs_and_groups(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.palette("lr search")
        await at.sees("group lr search")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")
        await at.palette("#5")
        await at.sees("run", "sweep-0005", "✗ failed")
        await at.misses("sweep-0004")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "the run")
        await at.sees("0005")

    look(ws, journey, size=WIDE)


def test_a_group_that_ends_rings_if_the_user_wants_it(ws: Workspace) -> None:
    group = enqueue(ws, name="x \x1b]2;PWNED\x07", runs=2)
    other = enqueue(ws, name="second", runs=2)
    written: list[str] = []

    async def journey(at: Looker) -> None:
        assert at.app._driver is not None
        at.app._driver.write = written.append  # type: ignore[method-assign]
        cancel.cancel_group(ws, group)
        await at.sees("⊘ x")
        assert not any("]9;" in text for text in written)
        await at.palette("bell")
        await at.press("enter")
        await at.sees("the bell is on")
        cancel.cancel_group(ws, other)
        await at.sees("second has ended: 2 canceled")
        assert [text for text in written if "]9;" in text] == [
            "\x1b]9;RunForge: second has ended: 2 canceled\x07"
        ]

    look(ws, journey)


def test_times_are_local(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(ws)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()

    async def journey(at: Looker) -> None:
        job = at.app.find_jobs("sweep-0001")[0]
        hour, minute = int(job.created_at[11:13]), int(job.created_at[14:16])
        total = (hour * 60 + minute + 345) % 1440
        await at.press("i")
        await at.sees("created", f" {total // 60:02d}:{total % 60:02d}:", " ago)")

    try:
        look(ws, journey, size=WIDE)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_order_and_the_columns_of_the_queue_are_as_they_were_the_last_time(
    ws: Workspace, tmp_path: Path
) -> None:
    lived(ws)
    file = tmp_path / "tui.json"

    async def first(at: Looker) -> None:
        await at.sees("0001", "GROUP")
        await at.press("s", "S")
        await at.sees("sorted by run, reversed")
        await at.press("V")
        await at.sees("[x] group", "space show or hide")
        await at.press("space")
        await at.sees("[ ] group")
        await at.press("escape")
        await at.until(lambda: file.exists() and json.loads(file.read_text())["hidden"] == "group", "written")
        assert "GROUP     STATE" not in at.text

    async def second(at: Looker) -> None:
        await at.sees("0001", "sorted by run, reversed")
        assert "GROUP     STATE" not in at.text
        await at.press("V")
        await at.sees("[ ] group")

    look(ws, first, choices_file=file)
    look(ws, second, choices_file=file)


def test_an_order_that_nobody_knows_is_none(ws: Workspace, tmp_path: Path) -> None:
    lived(ws)
    file = tmp_path / "tui.json"
    file.write_text('{"sort": "colour", "hidden": "state,nothing,time"}')

    async def journey(at: Looker) -> None:
        await at.sees("0001", "STATE")
        assert "sorted" not in at.text
        assert "TIME" not in at.text

    look(ws, journey, choices_file=file)


def test_the_bell_can_be_asked_for_on_the_command_line(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id = enqueue(ws, runs=2)
    rung: list[str] = []
    monkeypatch.setattr("runforge.tui.app.RunForgeApp.bell", lambda _: rung.append("bell"))

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        cancel.cancel_group(ws, group_id)
        await at.until(lambda: rung, "the bell")
        assert not at.app.choices.bell  # only this time

    look(ws, journey, bell=True)


def test_without_colours_nothing_is_painted_in_greys_of_ones_own(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(ws)
    monkeypatch.setenv("NO_COLOR", "1")

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        filters = at.app.get_line_filters()
        strips = [strip.apply_filter(each, Color(0, 0, 0)) for strip in painted(at) for each in filters[-1:]]
        styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
        colours = {colour.name for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert colours <= {"default"}
        assert any(style.reverse for style in styles)  # the cursor

    look(ws, journey)


def painted(at: Looker) -> list[Strip]:
    visible_screen_stack.set(at.app._background_screens)
    return at.app.screen._compositor.render_strips()
