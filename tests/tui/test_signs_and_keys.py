"""Small things that a screen owes its reader: true signs, keys that work, nothing offered that is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.segment import Segment
from textual.color import Color

from runforge import clock
from runforge.queue import cancel, priority
from runforge.tui.ascii import AsciiFilter
from runforge.tui.dialogs import Confirm
from runforge.tui.job_table import JobTable
from runforge.tui.run_screen import RunScreen
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, Looker, enqueue, jobs_of, lived, look

pytestmark = pytest.mark.slow


def test_an_empty_bar_is_empty_in_ascii(ws: Workspace) -> None:
    enqueue(ws, runs=8)

    async def journey(at: Looker) -> None:
        await at.sees("0/8", "........")
        assert "####" not in at.text
        await at.sees("enter open")
        await at.palette()
        await at.sees("Search for commands")
        assert "??" not in at.text

    look(ws, journey, ascii_only=True)


def test_every_sign_of_a_bar_has_one_of_its_own() -> None:
    (shown,) = AsciiFilter().apply([Segment("█░▁▀")], Color(0, 0, 0))
    assert shown.text == "#._#"


def test_a_group_that_waits_is_not_called_running(ws: Workspace) -> None:
    enqueue(ws, name="waits", runs=2)

    async def journey(at: Looker) -> None:
        await at.sees("· waits")
        await at.press("o")
        await at.sees("· queued", "0/2")
        assert "▸ running" not in at.text

    look(ws, journey)


def test_a_group_that_has_ended_is_not_paused(ws: Workspace) -> None:
    group_id = enqueue(ws, name="over", runs=2)
    cancel.cancel_group(ws, group_id)

    async def journey(at: Looker) -> None:
        await at.sees("⊘ over")
        await at.press("p")
        await at.sees("over has ended: there is nothing to pause")
        assert not lists.groups(ws)[0].paused

    look(ws, journey)


def test_canceled_runs_count_as_ended_not_as_done(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("ENDED", "4/8")
        assert "DONE" not in at.text

    look(ws, journey)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "200x50"])
def test_the_queue_stays_in_sight_behind_a_question_and_help(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("✗ failed")
        rows = [line for line in at.lines if "✗ failed" in line]
        await at.press("x")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.sees("Stop 1 running run?", rows[0][:8], "RUN")
        assert at.lines[0].startswith(" ● ")

    look(ws, journey, size=size)


def test_a_click_on_a_title_sorts_and_a_second_one_reverses(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        async def click(title: str) -> None:
            row = next(line for line in at.lines if "STATE" in line)
            await at.pilot.click(JobTable, offset=(row.index(title), 1))

        priority.set_priority(ws, jobs_of(ws)["0008"].run_id, 3)
        await at.sees("PRIO", "LEFT", "TREND")
        await click("PRIO")
        await at.sees("sorted by priority", "PRIO▾")
        await click("PRIO")
        await at.sees("sorted by priority, reversed", "PRIO▴")
        await click("STATE")
        await at.sees("sorted by state", "STATE▾")
        await click("#")
        await at.sees("sorted by state")

    look(ws, journey, size=WIDE)


def test_full_slots_are_no_alarm(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("m")
        await at.sees("2 of 2 in use")
        strips = at.app.screen._compositor.render_strips()
        line = next(strip for strip in strips if "2 of 2 in use" in strip.text)
        (bar,) = (segment for segment in line if "█" in segment.text)
        assert bar.style is not None
        assert bar.style.color is not None
        red, green, _ = bar.style.color.get_truecolor()
        assert green > red

    look(ws, journey)


def test_curves_and_info_have_the_queues_keys_in_a_run_too(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "the run")
        await at.press("c")
        await at.sees("[2 curves]")
        await at.press("i")
        await at.sees("[3 info]")
        assert ". metric" not in at.lines[-1]
        await at.press("2")
        await at.sees(". metric")

    look(ws, journey, size=WIDE)


def test_the_palette_names_keys_as_the_help_does(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.palette("Help all keys")
        await at.sees("key ?")
        assert "question_mark" not in at.text

    look(ws, journey)


def test_keys_of_the_library_that_do_nothing_here_are_not_named(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("j", "j", "n", "question_mark")
        await at.sees("Save all changes")
        assert "Focus" not in at.text
        await at.press("escape")
        await at.palette()
        await at.sees("Save all changes")
        assert "Focus" not in at.text

    look(ws, journey, size=WIDE)


def test_what_was_said_on_a_screen_is_gone_when_one_comes_back_to_it(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("equals_sign")
        await at.sees("mark two runs or more")
        await at.press("m")
        await at.sees("cores")
        await at.press("q")
        await at.sees("0001")
        assert "? help" in at.text

    look(ws, journey)


def test_a_read_only_session_says_so_and_offers_no_change(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("read-only", "filter")
        for word in ("cancel", "retry", "pause", "priority", "daemon"):
            assert f" {word} " not in at.lines[-1]
        await at.press("enter")
        await at.sees("1 log")
        await at.sees("read-only", "search")
        assert " cancel " not in at.lines[-1]

    look(ws, journey, read_only=True, size=WIDE)


def test_the_time_of_a_running_trial_goes_on(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(ws)
    jobs = jobs_of(ws)
    started = clock.to_datetime(jobs["0001"].started_at or "")
    minutes = [2]
    monkeypatch.setattr(clock, "now", lambda: clock.to_text(started + timedelta(minutes=minutes[0])))

    async def journey(at: Looker) -> None:
        await at.press("o")
        await at.sees("ACCURACY", "2m00s")
        minutes[0] = 7
        await at.sees("7m00s")
        await at.press("escape", "i")
        await at.sees("took       7m00s")
        minutes[0] = 9
        await at.sees("took       9m00s")
        await at.press("escape", "x")
        await at.sees("(540 s so far)")

    look(ws, journey, size=WIDE)
