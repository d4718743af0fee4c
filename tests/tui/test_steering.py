"""What the keys change, on a real journal, and the message of each change."""

from __future__ import annotations

import threading

from runforge.tui.dialogs import Confirm
from runforge.tui.queue_screen import QueueScreen
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import FakeDaemon, Looker, jobs_of, lived, look


def test_cancels_a_queued_run_at_once_and_asks_before_a_running_one(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "j", "x")
        await at.sees("canceled 1 run")
        assert jobs_of(ws)["0007"].state == "canceled"
        await at.press("g", "x")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.sees("Stop 1 running run?", "sweep-0001")
        await at.press("n")
        assert not jobs_of(ws)["0001"].cancel_requested
        await at.press("x")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.press("y")
        await at.sees("stopping 1 run", "stopping ...")
        assert jobs_of(ws)["0001"].cancel_requested

    look(ws, journey)


def test_marked_runs_are_canceled_and_retried_together(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "j", "space", "space")
        await at.sees("2 marked")
        await at.press("x")
        await at.sees("canceled 2 runs")
        await at.until(
            lambda: at.text.count("⊘ canceled") == 3, "the rows say so too: `r` is about what they show"
        )
        await at.press("r")
        await at.sees("queued again 2 runs")
        assert [jobs_of(ws)[run].attempt for run in ("0007", "0008")] == [2, 2]
        await at.press("escape")
        await at.misses("2 marked")

    look(ws, journey)


class Change:
    """A change that waits until the test releases it."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.is_done = False

    def __call__(self) -> str:
        self.may_end.wait(30)
        self.is_done = True
        return "changed"


def test_what_was_asked_for_is_done_before_the_screens_close(ws: Workspace) -> None:
    lived(ws)
    change = Change()

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.app.act(change)
        await at.press("q")
        assert at.app.is_running
        change.may_end.set()
        await at.until(lambda: not at.app.is_running, "the end")
        assert change.is_done

    look(ws, journey)


def test_a_second_q_does_not_wait_for_a_change(ws: Workspace) -> None:
    lived(ws)
    change = Change()

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.app.act(change)
        await at.press("q")
        assert at.app.is_running
        await at.press("q")
        await at.until(lambda: not at.app.is_running, "the end")
        change.may_end.set()

    look(ws, journey)


def test_marks_a_range(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("space", "G", "v")
        await at.sees("8 marked")

    look(ws, journey)


def test_retry_says_why_not(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("r")
        await at.sees("only failed and canceled runs are retried; this one is running")

    look(ws, journey)


def test_pauses_and_resumes_the_group(ws: Workspace) -> None:
    group_id = lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("p")
        await at.sees("paused lr search; running runs continue", "[paused]")
        assert lists.groups(ws)[0].paused
        await at.press("p")
        await at.sees("resumed lr search")
        assert not lists.groups(ws)[0].paused

    look(ws, journey)
    assert group_id


def test_priority_of_a_run_and_of_a_group(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("j", "j", "plus")
        await at.sees("is now 1")
        await at.press("tab", "minus")
        await at.sees("priority lowered for 4 runs")
        jobs = jobs_of(ws)
        assert (jobs["0007"].priority, jobs["0008"].priority) == (0, -1)

    look(ws, journey)


def test_the_group_list_cancels_retries_and_opens(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("lr search")
        await at.press("tab", "r")
        await at.sees("lr search: queued again 1 run")
        await at.press("x")
        await at.sees("Cancel group lr search?", "2 running")
        await at.press("y")
        await at.sees("canceled 3 runs, stopping 2 runs")
        await at.press("enter")
        await at.sees("ACCURACY")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, QueueScreen), "back")

    look(ws, journey)


def test_starts_and_stops_the_daemon(ws: Workspace) -> None:
    lived(ws)
    daemon = FakeDaemon()

    async def journey(at: Looker) -> None:
        await at.press("D")
        await at.sees("daemon is up, pid 4321")

    look(ws, journey, daemon=daemon)
    assert (daemon.started, daemon.taken_over, daemon.stopped) == (1, 0, 0)


def test_read_only_refuses_every_change(ws: Workspace) -> None:
    lived(ws)
    before = jobs_of(ws)
    daemon = FakeDaemon()

    async def journey(at: Looker) -> None:
        for key in ("x", "r", "p", "plus", "minus", "C", "D"):
            await at.press("j", "k", key)
            await at.sees("this session is read-only")
            at.app.screen.query_one("KeyBar").say("")
            await at.misses("this session is read-only")

    look(ws, journey, daemon=daemon, read_only=True)
    after = jobs_of(ws)
    assert {k: (j.state, j.priority) for k, j in after.items()} == {
        k: (j.state, j.priority) for k, j in before.items()
    }
    assert daemon.started == 0


def test_runs_a_copy(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("C")
        await at.sees("a copy of")
        assert len(jobs_of(ws)) == 9
        assert jobs_of(ws)["0009"].overrides == jobs_of(ws)["0001"].overrides

    look(ws, journey)


def test_copies_id_and_request(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("y")
        await at.sees("copied 2")
        assert at.app.clipboard.endswith("sweep-0001")
        await at.press("Y")
        await at.sees("copied the request of")
        assert '"label_column"' in at.app.clipboard

    look(ws, journey)
