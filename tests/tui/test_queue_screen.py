"""The queue's screen: every key, on a real journal."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from runforge.queue import cancel, priority
from runforge.store.opening import open_journal
from runforge.tui.dialogs import Help
from runforge.tui.queue_screen import QueueScreen
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, Looker, enqueue, jobs_of, lived, look

pytestmark = pytest.mark.slow


def screen_of(at: Looker) -> QueueScreen:
    screen = at.app.screen
    assert isinstance(screen, QueueScreen)
    return screen


@pytest.mark.parametrize("size", [NARROW, WIDE, (60, 12), (300, 80)])
def test_shows_jobs_groups_and_what_to_do_without_a_daemon(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees(
            "0001", "▸ running", "✓ succeeded", "✗ failed", "No daemon is running: 2 queued runs wait"
        )
        if size != (60, 12):
            await at.sees("lr search", "4/8", "exit code 3", "7/10")
        assert all(len(line) <= size[0] for line in at.lines)

    look(ws, journey, size=size)


def test_runs_that_go_on_without_a_daemon_are_told_though_nothing_waits(ws: Workspace) -> None:
    lived(ws)
    for job in list(jobs_of(ws).values()):
        if job.state == "queued":
            cancel.cancel_runs(ws, [job.run_id])

    async def journey(at: Looker) -> None:
        await at.sees("No daemon is running; runs that continue without it: 2. D")

    look(ws, journey)


def test_an_empty_workspace_says_what_to_type(bare_ws: Workspace) -> None:
    async def journey(at: Looker) -> None:
        await at.sees("The queue is empty", "runforge enqueue-sweep --plan plan.json")
        await at.press("x", "r", "p", "enter", "o", "plus", "space", "v", "y")
        await at.sees("The queue is empty")

    look(bare_ws, journey)
    assert not bare_ws.journal.exists()  # looking makes nothing


def test_a_workspace_comes_alive_when_something_is_enqueued(ws: Workspace) -> None:
    async def journey(at: Looker) -> None:
        await at.sees("The queue is empty")
        enqueue(ws)
        await at.sees("sweep-0001", "· queued")

    look(ws, journey)


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["j"], 1),
        (["down", "down"], 2),
        (["j", "j", "k"], 1),
        (["G"], 7),
        (["end", "home"], 0),
        (["G", "g"], 0),
        (["pagedown"], 7),
        (["pagedown", "pageup"], 0),
        (["ctrl+d"], 6),
        (["ctrl+d", "ctrl+u"], 0),
    ],
)
def test_keys_move_the_cursor(ws: Workspace, keys: list[str], row: int) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press(*keys)
        assert screen_of(at).jobs.cursor == row

    look(ws, journey)


def test_the_cursor_follows_its_job(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0008")
        await at.press("j", "j", "j")  # the second queued one
        jobs = screen_of(at).jobs
        job = jobs.job_at_cursor()
        assert job is not None
        assert job.run_id.endswith("0008")
        priority.set_priority(ws, job.run_id, 5)  # it moves before the other queued one
        await at.until(lambda: jobs.cursor == 2, "the cursor went along")
        assert jobs.job_at_cursor().run_id == job.run_id

    look(ws, journey)


def test_at_rest_the_cursor_stays_at_the_top(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with open_journal(ws) as journal, journal.write():
            journal.connection.execute(
                "UPDATE jobs SET state='succeeded', finished_at=started_at, updated_at=started_at WHERE seq=1"
            )
        jobs = screen_of(at).jobs
        await at.until(lambda: "✓ 3" in at.lines[0], "the change is shown")
        assert jobs.cursor == 0
        assert jobs.job_at_cursor().run_id.endswith("0002")

    look(ws, journey)


def test_filters_while_typing_and_escape_shows_all(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("slash", *"state:failed")
        await at.sees("filter: state:failed", "1 of 8")
        await at.press("enter")
        assert screen_of(at).jobs.has_focus
        await at.press("escape")
        await at.sees("0001", "0008")
        await at.press("slash", *"!queued C=0.3", "enter")
        await at.sees("1 of 8", "0003")
        await at.press("slash", *"zzz")
        await at.sees("None of 8 jobs matches")

    look(ws, journey)


def test_a_filter_that_means_nothing_says_so(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("slash", *"state:bogus")
        await at.sees("no state begins with 'bogus'")

    look(ws, journey)


def test_only_active_and_only_one_group(ws: Workspace) -> None:
    lived(ws)
    enqueue(ws, name="other", runs=2)

    async def journey(at: Looker) -> None:
        await at.sees("other")
        await at.press("a")
        await at.sees("6 of 10")
        await at.press("a", "f")
        await at.sees("8 of 10")
        await at.press("f")
        await at.until(lambda: len(at.app.snapshot.order) == 10, "all again")

    look(ws, journey, size=WIDE)


def test_sorts_and_reverses(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        for sort in ("run", "state", "group", "metric"):
            await at.press("s")
            await at.sees(f"sorted by {sort}")
        await at.until(lambda: screen_of(at).jobs.job_at_cursor().run_id.endswith("0004"), "best first")
        await at.press("S")
        await at.until(lambda: screen_of(at).jobs.job_at_cursor().run_id.endswith("0003"), "worst first")

    look(ws, journey, size=WIDE)


@pytest.mark.parametrize("size", [NARROW, (40, 12), WIDE])
def test_help_fits_and_can_be_searched(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("question_mark")
        await at.until(lambda: isinstance(at.app.screen, Help), "help")
        assert all(len(line) <= size[0] for line in at.lines)
        at.app.screen.query_one(Input).value = "lower"
        await at.sees("Lower priority")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, QueueScreen), "back")

    look(ws, journey, size=size)


def test_the_palette_runs_a_command_by_name(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.palette("Pause or resume")
        await at.press("enter")
        await at.sees("paused lr search")

    look(ws, journey)


def test_clicks_choose_open_and_press_the_keys_of_the_bar(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0003")
        await at.pilot.click("#jobs", offset=(5, 4))
        assert screen_of(at).jobs.cursor == 2
        column = at.lines[-1].index("? help")
        await at.pilot.click("KeyBar", offset=(column + 1, 0))
        await at.until(lambda: isinstance(at.app.screen, Help), "help by mouse")

    look(ws, journey)


def test_a_journal_that_cannot_be_read_is_a_warning_and_heals(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        whole = ws.journal.read_bytes()
        damaged = ws.journal.with_name("damaged")
        damaged.write_bytes(b"garbage" * 1000)
        aside = ws.journal.with_name("aside")
        ws.journal.rename(aside)
        damaged.rename(ws.journal)
        await at.until(lambda: "journal" in at.app.warning or "database" in at.app.warning, "a warning")
        await at.sees("0001")  # the last picture stays
        aside.rename(ws.journal)
        await at.until(lambda: "No daemon" in at.app.warning, "it heals")
        assert ws.journal.read_bytes()[:16] == whole[:16]

    look(ws, journey)


def test_quitting_leaves_everything_as_it_is(ws: Workspace) -> None:
    lived(ws)
    before = jobs_of(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("q")

    look(ws, journey)
    assert {k: j.state for k, j in jobs_of(ws).items()} == {k: j.state for k, j in before.items()}
