"""Keys that are typed ahead: each is done where the one before it has led, however long that is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual.events import Paste
from textual.widgets import Input

from runforge.store.opening import open_journal
from runforge.tui import app as screens
from runforge.tui.group_screen import GroupScreen
from runforge.tui.job_table import JobTable
from runforge.tui.run_screen import RunScreen
from runforge.views import trials
from runforge.views.queue_snapshot import QueueReader
from runforge.workspace import Workspace

from .kit import Looker, enqueue, jobs_of, lived, look


@contextmanager
def slow(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[threading.Event]:
    """Let the screens' readings wait until the event is set: as on a disk that is busy.

    `pilot.press` returns while keys wait for such a reading; `Looker.press` would wait with them.
    """
    may_go_on = threading.Event()
    real = getattr(owner, name)

    def read(*arguments: Any, **more: Any) -> Any:
        assert threading.current_thread() is threading.main_thread() or may_go_on.wait(60)
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, read)
        try:
            yield may_go_on
        finally:
            may_go_on.set()


def states(ws: Workspace, state: str) -> list[str]:
    """Return the runs in a state, by the last digits of their ids."""
    return [run for run, job in jobs_of(ws).items() if job.state == state]


def changes(ws: Workspace) -> int:
    """Return how many changes the journal has seen."""
    with open_journal(ws) as journal:
        return int(journal.connection.execute("SELECT max(seq) FROM journal").fetchone()[0])


def test_a_key_acts_on_the_rows_of_the_filter_before_it(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with slow(monkeypatch, QueueReader, "snapshot") as may_go_on:
            await at.pilot.press("slash", *"C=0.5", "enter", "x")
            assert "filter:" not in at.text
            assert not states(ws, "canceled")
            may_go_on.set()
            await at.sees("canceled 1 run")

    look(ws, journey)
    assert states(ws, "canceled") == ["0005"]


@pytest.mark.parametrize(
    ("keys", "canceled"),
    [
        ("s", "0001"),  # sorted by run: the first one
        ("sS", "0008"),
        ("a", "0001"),
        ("f", "0001"),
    ],
)
def test_a_key_waits_for_the_rows_of_another_order(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, keys: str, canceled: str
) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "j")
        with slow(monkeypatch, QueueReader, "snapshot") as may_go_on:
            await at.pilot.press(*keys, "x")
            assert not states(ws, "canceled")
            may_go_on.set()
            await at.sees("canceled 1 run")

    look(ws, journey)
    assert states(ws, "canceled") == [canceled]


def test_all_at_once_is_as_one_after_the_other(ws: Workspace) -> None:
    enqueue(ws, name="first")
    enqueue(ws, name="second", runs=3)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead("slash", *"group:second C=0.2", "enter", "x", "o", "j", "c")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "a run of the group")
        await at.sees("[2 curves]")
        at.type_ahead("q", "q", "slash", *"qq", "enter")
        await at.sees("filter: qq")
        await at.until(lambda: at.app.focused is at.app.screen.query_one("#jobs"), "the list")
        assert not at.app._is_leaving

    look(ws, journey)
    canceled = [job for job in jobs_of(ws).values() if job.state == "canceled"]
    assert [(job.number, job.overrides) for job in canceled] == [(10, {"model.hyperparameters.C": 0.2})]


def test_text_is_pasted_where_the_key_before_it_has_led(ws: Workspace) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead("slash", Paste("C=0.4"), "enter", "x")
        await at.sees("canceled 1 run")

    look(ws, journey)
    assert states(ws, "canceled") == ["0004"]


def test_keys_do_nothing_where_nothing_matches_and_say_so(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead("slash", *"zzz", "enter", "x")
        await at.sees("None of 8 jobs matches", "no run is selected")
        for key in ("enter", "delete", *"lciorehdzZCyYnJKpETf+-="):
            at.app.say("")
            at.type_ahead("space", "v", key)
            await at.until(lambda: at.said, f"a word about {key}")
            assert at.app.screen is at.app.screen_stack[0]

    before = changes(ws)
    look(ws, journey)
    assert changes(ws) == before


def test_a_key_waits_for_the_runs_of_a_group(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with slow(monkeypatch, trials, "read") as may_go_on:
            await at.pilot.press("o", "j", "l")
            assert isinstance(at.app.screen, GroupScreen)
            assert "Reading the runs ..." in at.text
            assert "no metrics yet" not in at.text
            may_go_on.set()
            await at.until(lambda: isinstance(at.app.screen, RunScreen), "the second best run")
            await at.sees("0003", "✓ succeeded")

    look(ws, journey)


def test_keys_do_not_wait_for_a_group_that_cannot_be_read(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(ws)

    def lost(*_: object) -> None:
        raise OSError(5, "the disk is gone")

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        monkeypatch.setattr(trials, "read", lost)
        at.type_ahead("o", "q", "slash", "a")
        await at.until(lambda: isinstance(at.app.focused, Input), "the filter")

    look(ws, journey)


def test_a_key_waits_for_the_question_that_is_still_to_be_asked(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead("slash", *"state:failed", "enter")
        await at.sees("filter: state:failed")
        with slow(monkeypatch, screens.RunForgeApp, "read_why") as may_go_on:
            await at.pilot.press(
                "w", "q", "d", "y"
            )  # q closes the window: without one it would leave the queue
            may_go_on.set()
            await at.sees("removed 1 run")
        assert not at.app._is_leaving

    look(ws, journey)
    assert "0005" not in jobs_of(ws)


def test_the_palette_takes_what_is_typed_ahead(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with slow(monkeypatch, screens.RunForgeApp, "find_jobs") as may_go_on:
            at.type_ahead("colon", *"lr search", "enter", "j", "x")
            await at.sees("lr search")
            may_go_on.set()
            await at.sees("canceled 1 run")
            assert isinstance(at.app.screen, GroupScreen)

    look(ws, journey)
    assert states(ws, "canceled") == ["0002"]


def test_what_was_typed_for_rows_that_cannot_be_read_is_not_done(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws)

    def lost(*_: object, **__: object) -> None:
        raise OSError(5, "the disk is gone")

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with monkeypatch.context() as patch:
            patch.setattr(QueueReader, "snapshot", lost)
            with slow(monkeypatch, QueueReader, "snapshot") as may_go_on:
                await at.pilot.press("slash", *"C=0.5", "enter", "x", "j")
                may_go_on.set()
                await at.sees("the disk is gone", "not done: the 2 keys typed since then")
            await at.press("question_mark")
            await at.sees("type to search")
        await at.press("escape")
        await at.sees("filter: C=0.5")

    look(ws, journey)
    assert not states(ws, "canceled")


def test_whoever_waits_long_is_told_and_can_leave(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        with slow(monkeypatch, QueueReader, "snapshot"):
            await at.pilot.press("slash", *"C=0.5", "enter", "x")
            await at.sees("still reading")
            await at.pilot.press("ctrl+q")
            assert at.app._exit

    look(ws, journey)
    assert not states(ws, "canceled")


@pytest.mark.parametrize(
    ("way", "key", "said"),
    [
        ((), "p", "resumed lr search"),
        ((), "h", "released 1 run"),
        (("tab",), "p", "resumed lr search"),
        (("enter",), "h", "released 1 run"),
        (("tab", "enter"), "h", "released 1 run"),
        (("tab", "enter"), "p", "resumed lr search"),
    ],
)
def test_a_second_key_decides_on_what_the_first_has_led_to(
    ws: Workspace, way: tuple[str, ...], key: str, said: str
) -> None:
    group_id = enqueue(ws)
    before = changes(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead(*way, key, key)
        await at.sees(said)

    look(ws, journey)
    with open_journal(ws) as journal, journal.read() as tx:
        assert not tx.row("groups.by_id", group_id=group_id)["is_paused"]
    assert not any(job.held for job in jobs_of(ws).values())
    assert changes(ws) == before + 2


def test_changes_are_made_one_after_the_other_and_each_key_has_its_own(ws: Workspace) -> None:
    enqueue(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.type_ahead("h", "j", "h", "j", "x", "g", "plus", "plus", "plus")
        await at.sees("is now 3")

    look(ws, journey)
    jobs = jobs_of(ws)
    assert [run for run, job in jobs.items() if job.held] == ["0001", "0002"]
    assert states(ws, "canceled") == ["0003"]
    assert jobs["0001"].priority == 3


def test_other_keys_do_not_wait_for_a_change(ws: Workspace) -> None:
    enqueue(ws)
    may_end = threading.Event()
    begun: list[str] = []

    def change(name: str) -> str:
        begun.append(name)
        assert may_end.wait(60)
        return f"{name} is done"

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        at.app.act(lambda: change("the first"))
        at.app.act(lambda: change("the second"))
        await at.until(lambda: begun, "the first change")
        await at.press("j")
        await at.until(lambda: at.app.screen.query_one(JobTable).cursor == 1, "the cursor is moved")
        at.type_ahead("h", "j")
        await at.sees("still changing the queue")
        assert at.app.screen.query_one(JobTable).cursor == 1
        assert begun == ["the first"]
        may_end.set()
        await at.until(lambda: at.app.screen.query_one(JobTable).cursor == 2, "the last key")

    look(ws, journey)
    assert begun == ["the first", "the second"]
    assert [run for run, job in jobs_of(ws).items() if job.held] == ["0002"]


def test_a_change_of_a_queue_that_cannot_be_read_then_holds_nothing_up(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws)
    real = QueueReader.snapshot
    is_lost = threading.Event()

    def lost(reader: QueueReader, *arguments: Any, **more: Any) -> Any:
        if is_lost.is_set():
            raise OSError(5, "the disk is gone")
        return real(reader, *arguments, **more)

    monkeypatch.setattr(QueueReader, "snapshot", lost)
    is_done = threading.Event()

    def change() -> str:
        is_done.set()
        return "changed"

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        is_lost.set()
        at.app.act(change)
        await at.until(is_done.is_set, "the change")
        await at.press("h")
        is_lost.clear()
        await at.sees("held 1 run")

    look(ws, journey)
