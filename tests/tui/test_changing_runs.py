"""The keys that make, edit, hold, move and remove runs, on a real journal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.widgets import Input

from runforge.queue import hold
from runforge.queue.edit import Edit, edit
from runforge.store.opening import open_journal
from runforge.tui.cell_table import CellTable
from runforge.tui.dialogs import Confirm
from runforge.tui.edit_screen import EditScreen
from runforge.tui.why_page import WhyPage
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import WIDE, Looker, enqueue, jobs_of, lived, look


def parameters(ws: Workspace, run: str) -> dict[str, Any]:
    job = jobs_of(ws)[run]
    document = json.loads((ws.root / job.run_dir / "request.json").read_text())
    found: dict[str, Any] = document["model"]["hyperparameters"]
    return found


async def table_of(at: Looker, key: str) -> CellTable:
    """Press a key that opens the table, and wait until the runs are in it."""
    await at.press(key)
    await at.until(lambda: isinstance(at.app.screen, EditScreen), "the table")
    table = at.app.screen.query_one(CellTable)
    await at.until(table.row_count, "the runs")
    return table


async def type_into(at: Looker, key: str, text: str) -> None:
    await at.press(key)
    field = at.app.screen.query_one("#cell", Input)
    await at.until(lambda: field.has_focus, "the line to type in")
    field.value = text
    await at.press("enter")


async def go_to(at: Looker, table: CellTable, name: str) -> None:
    """Put the cursor on a column."""
    for _ in range(20):
        if table.name_at_cursor == name:
            return
        await at.press("right" if len(table._runs) > 1 else "down")
    raise AssertionError(name)


def test_one_queued_run_is_edited_as_a_table(ws: Workspace) -> None:
    enqueue(ws, runs=3)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        table = await table_of(at, "e")
        await at.sees("PARAMETER", "priority", "notes")
        await go_to(at, table, "C")
        await type_into(at, "enter", "0.75")
        await at.sees("1 cells of 1 runs changed", "0.75")
        await go_to(at, table, "notes")
        await type_into(at, "e", "slower this time")
        await at.press("s")
        await at.sees("changed 1 run")
        assert not isinstance(at.app.screen, EditScreen)

    look(ws, journey)
    assert parameters(ws, "0001")["C"] == 0.75
    assert jobs_of(ws)["0001"].notes == "slower this time"
    assert jobs_of(ws)["0001"].overrides == {"model.hyperparameters.C": 0.75}
    events = [entry["event"] for entry in lists.run(ws, jobs_of(ws)["0001"].run_id).timeline]
    assert len(events) > 1, events
    assert parameters(ws, "0002")["C"] == 0.2


def test_a_column_of_all_marked_runs_gets_one_value(ws: Workspace) -> None:
    enqueue(ws, runs=3)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("space", "space")
        table = await table_of(at, "e")
        await at.sees("RUN", "#1", "#2")
        assert "#3" not in at.text
        await type_into(at, "a", "max_iter")
        assert table.name_at_cursor == "max_iter"
        await type_into(at, "equals_sign", "50")
        await at.press("u")
        await at.press("s")
        await at.sees("changed 1 run")

    look(ws, journey, size=WIDE)
    assert [parameters(ws, run).get("max_iter") == 50 for run in ("0001", "0002", "0003")] == [
        False,
        True,
        False,
    ]


def test_a_run_that_starts_meanwhile_stays_as_it_is_and_is_named(ws: Workspace) -> None:
    enqueue(ws, runs=2)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("space", "space")
        table = await table_of(at, "e")
        await go_to(at, table, "C")
        await type_into(at, "equals_sign", "7")
        with open_journal(ws) as journal, journal.write():
            journal.connection.execute("UPDATE jobs SET state='running', started_at=created_at WHERE seq=1")
        await at.press("s")
        await at.sees("changed 1 run; #1 not: already running")

    look(ws, journey)
    assert (parameters(ws, "0001")["C"], parameters(ws, "0002")["C"]) == (0.1, 7)


def test_a_run_that_somebody_else_has_edited_meanwhile_stays_as_that_one_left_it(ws: Workspace) -> None:
    enqueue(ws, runs=1)
    job_id = jobs_of(ws)["0001"].job_id

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        table = await table_of(at, "e")
        await go_to(at, table, "C")
        await type_into(at, "enter", "7")
        edit(ws, {job_id: Edit(parameters={"C": 3})})
        await at.press("s")
        await at.sees("nothing changed: #1 not: changed meanwhile")
        assert isinstance(at.app.screen, EditScreen)

    look(ws, journey)
    assert parameters(ws, "0001")["C"] == 3


def test_what_cannot_be_is_told_and_nothing_is_changed(ws: Workspace) -> None:
    enqueue(ws, runs=2)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("space", "space")
        table = await table_of(at, "e")
        await go_to(at, table, "C")
        await type_into(at, "equals_sign", "5")
        await go_to(at, table, "priority")
        await type_into(at, "enter", "high")
        await at.press("s")
        await at.sees("'high' is no priority")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.press("y")
        await at.until(lambda: len(at.app.screen_stack) == 1, "the queue")

    look(ws, journey, size=(120, 30))
    assert [parameters(ws, run)["C"] for run in ("0001", "0002")] == [0.1, 0.2]


def test_n_makes_a_new_run_from_any_run(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        table = await table_of(at, "n")
        await at.sees("New run")
        await go_to(at, table, "C")
        await type_into(at, "enter", "9")
        await at.press("s")
        await at.sees("enqueued #9")

    look(ws, journey)
    new = jobs_of(ws)["0009"]
    assert new.overrides["model.hyperparameters.C"] == 9
    assert new.state == "queued"


def test_h_holds_and_releases(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("h")
        await at.sees("only queued runs are held; this one is running")
        await at.press("j", "j", "space", "space", "h")
        await at.sees("held 2 runs", "[held]")
        assert [jobs_of(ws)[run].held for run in ("0007", "0008")] == [True, True]
        await at.press("h")
        await at.sees("released 2 runs")
        assert not jobs_of(ws)["0007"].held

    look(ws, journey)


def test_capital_j_and_k_move_queued_runs(ws: Workspace) -> None:
    enqueue(ws, runs=4)

    def order(at: Looker) -> list[str]:
        return [
            line.split()[1][-4:] for line in at.lines if line.lstrip(" │").startswith("#") and "00" in line
        ]

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("J")
        await at.sees("moved down 1 run")
        await at.until(lambda: order(at)[:3] == ["0002", "0001", "0003"], "the new order")
        await at.press("J")
        await at.until(lambda: order(at)[:3] == ["0002", "0003", "0001"], "the new order")
        await at.press("K", "K")
        await at.until(lambda: order(at)[:3] == ["0001", "0002", "0003"], "the old order")
        await at.press("K")
        await at.sees("#1 not: already the first")
        await at.press("slash", *"state:queued", "enter", "J")
        await at.until(lambda: order(at)[:2] == ["0002", "0001"], "the same order with a filter")

    look(ws, journey)


def test_d_removes_ended_runs_when_the_user_has_said_yes(ws: Workspace) -> None:
    lived(ws)
    gone = jobs_of(ws)["0005"]

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("d")
        await at.sees("only ended runs are removed; this one is running")
        await at.press("slash", *"state:failed,queued", "enter", "g", "space", "G", "v", "d")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.sees("Delete this run and its folder", " B)?", "#5", "2 that have not ended stay")
        await at.press("n")
        assert "0005" in jobs_of(ws)
        await at.press("d")
        await at.until(lambda: isinstance(at.app.screen, Confirm), "a question")
        await at.press("y")
        await at.sees("removed 1 run")

    look(ws, journey)
    assert "0005" not in jobs_of(ws)
    assert not (ws.root / gone.run_dir).exists()


@pytest.mark.parametrize("key", ["n", "e", "h", "J", "K", "d"])
def test_a_read_only_session_changes_no_run(ws: Workspace, key: str) -> None:
    lived(ws)
    before = jobs_of(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "j", key)
        await at.sees("this session is read-only")
        assert len(at.app.screen_stack) == 1

    look(ws, journey, read_only=True)
    assert {run: job.held for run, job in jobs_of(ws).items()} == {
        run: job.held for run, job in before.items()
    }


def on_a_run(tab: str) -> Callable[[Looker], Awaitable[None]]:
    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("i")
        await at.sees(tab)

    return journey


def test_the_info_of_a_run_says_why_it_waits_and_for_whom(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    first, second = (jobs_of(ws)[run].job_id for run in ("0001", "0002"))
    from runforge.queue.ordering import After

    edit(
        ws,
        {
            second: Edit(
                after=(After("1", "ok"),), fields={"name": "evaluate", "tags": ["late"], "notes": "by hand"}
            )
        },
    )

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "i")
        await at.sees("Parents: this run waits for them", "#1", "must succeed", "evaluate", "late", "by hand")
        await at.sees("waits for 1 to succeed")
        await at.press("escape", "k", "i")
        await at.sees("Children: they wait for this run", "#2")

    look(ws, journey, size=(120, 40))
    hold.hold(ws, [first])


def test_w_says_what_a_run_and_a_group_wait_for(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("j", "j", "w")
        await at.until(lambda: isinstance(at.app.screen, WhyPage), "the answer")
        await at.sees("7 sweep-0007", "no daemon is running")
        await at.press("escape")
        await at.until(lambda: len(at.app.screen_stack) == 1, "the queue")
        await at.press("tab", "w")
        await at.until(lambda: isinstance(at.app.screen, WhyPage), "the answer")
        await at.sees("lr search")
        await at.press("w")
        await at.until(lambda: len(at.app.screen_stack) == 1, "the queue")

    look(ws, journey, size=(120, 40), read_only=True)


def test_z_and_w_work_on_a_run_and_on_a_sweep(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("i")
        await at.sees("Timeline")
        await at.press("w")
        await at.until(lambda: isinstance(at.app.screen, WhyPage), "the answer")
        await at.press("escape")
        await at.press("z")
        await at.sees("run 1 stands still")
        await at.press("o")
        await at.sees("Runs, best first")
        await at.press("Z")
        await at.sees("only running runs are paused so")
        await at.press("w")
        await at.until(lambda: isinstance(at.app.screen, WhyPage), "the answer")

    look(ws, journey, size=(120, 40))
