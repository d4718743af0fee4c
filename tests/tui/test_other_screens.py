"""A run, a sweep, the machine: every key, on a real journal and real files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import Input, Static

from runforge.store.opening import open_journal
from runforge.tui.group_screen import GroupScreen
from runforge.tui.log_view import LogView
from runforge.tui.machine_screen import MachineScreen
from runforge.tui.queue_screen import QueueScreen
from runforge.tui.run_screen import RunScreen
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, FakeDaemon, Looker, jobs_of, lived, look

pytestmark = pytest.mark.slow

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE, (40, 10), (10, 3)])


async def open_run(at: Looker, *keys: str) -> None:
    await at.sees("0001")
    await at.press("enter")
    await at.until(lambda: isinstance(at.app.screen, RunScreen), "the run")
    await at.press(*keys)


async def open_group(at: Looker) -> None:
    await at.until(lambda: at.app.snapshot is not None and at.app.snapshot.order, "jobs")
    await at.press("o")
    await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")


def test_a_run_shows_its_log_and_follows_it(ws: Workspace) -> None:
    lived(ws)
    log = ws.root / jobs_of(ws)["0001"].run_dir / "logs.txt"

    async def journey(at: Looker) -> None:
        await open_run(at)
        await at.sees("epoch 7 loss 0.143", "14 lines", "following")
        with log.open("a") as more:
            more.write("a line that came later\n" * 40)
        await at.sees("a line that came later", "54 lines")
        await at.press("g")
        await at.sees("epoch 1 loss 1.000", "f follows")
        await at.press("G")
        await at.sees("following")
        await at.press("k")
        await at.sees("f follows")
        await at.press("f")
        await at.sees("following")

    look(ws, journey)


def test_searches_the_log(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_run(at, "slash", *"LOSS 0.500", "enter")
        await at.sees("'LOSS 0.500' in line 4")
        await at.press("slash")
        at.app.screen.query_one("#search", Input).value = "epoch"
        await at.press("enter")
        await at.sees("'epoch' in line")
        line = at.app.screen.query_one(LogView)._match
        await at.press("N")
        await at.until(lambda: at.app.screen.query_one(LogView)._match != line, "another match")
        await at.press("n")
        await at.until(lambda: at.app.screen.query_one(LogView)._match == line, "the match again")
        await at.press("slash")
        at.app.screen.query_one("#search", Input).value = "not there"
        await at.press("enter")
        await at.sees("'not there' is not in the log")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, QueueScreen), "back")

    look(ws, journey)


def test_draws_the_curves_and_goes_through_the_metrics(ws: Workspace) -> None:
    lived(ws)
    path = ws.root / jobs_of(ws)["0001"].run_dir / "metrics.jsonl"
    with path.open("a") as more:
        more.writelines(json.dumps({"step": i, "accuracy": i / 10}) + "\n" for i in range(5))

    async def journey(at: Looker) -> None:
        await open_run(at, "2")
        await at.sees("loss: 1 of 2", "│", "step")
        assert any("⠀" < character <= "⣿" for character in at.text)
        await at.press("full_stop")
        await at.sees("accuracy: 2 of 2")
        await at.press("L")
        await at.sees("loss (log)", "accuracy (log)")
        await at.press("plus", "right", "left", "minus", "0", "L", "L", "L")
        await at.misses("(log")
        await at.press("full_stop", "enter")
        await at.misses("accuracy")

    look(ws, journey)


def test_tells_everything_about_a_run(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_run(at, "3")
        await at.sees("state      ▸ running", "grp_", "model.hyperparameters.C", "enqueued", "label_column")
        await at.press("4")
        await at.sees("logs.txt", "request.json", "metrics.jsonl")

    look(ws, journey, size=WIDE)


def test_tabs_go_round(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_run(at)
        for tab in ("2 curves", "3 info", "4 files", "1 log"):
            await at.press("tab")
            await at.sees(f"[{tab}]")
        await at.press("shift+tab")
        await at.sees("[4 files]")
        await at.press("right_square_bracket", "left_square_bracket", "left_square_bracket")
        await at.sees("[3 info]")

    look(ws, journey)


def test_steers_a_run(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_run(at, "x")
        await at.sees("Stop 1 running run?")
        await at.press("y")
        await at.sees("stopping 1 run")
        await at.press("p")
        await at.sees("paused lr search")
        await at.press("r")
        await at.sees("only failed and canceled runs are retried")
        await at.press("plus")
        await at.sees("is now 1")
        await at.press("C")
        await at.sees("a copy of")
        await at.press("y")
        await at.sees("copied 2")
        await at.press("o")
        await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")

    look(ws, journey)
    assert jobs_of(ws)["0001"].cancel_requested


def test_a_retry_opens_the_new_log(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("slash", *"state:failed", "enter", "l")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "the run")
        await at.sees("✗ failed")
        await at.press("t")
        await at.sees("this run has had one attempt so far")
        folder = ws.root / jobs_of(ws)["0005"].run_dir
        (folder / "previous" / "1").mkdir(parents=True)
        (folder / "logs.txt").rename(folder / "previous" / "1" / "logs.txt")
        await at.press("r")
        await at.sees("queued again 1 run")
        await at.sees("· queued", "nothing printed yet")
        await at.press("t")
        await at.sees("attempt 1 of 2", "epoch 7 loss")
        await at.press("t")
        await at.sees("nothing printed yet")

    look(ws, journey)


def test_a_sweep_is_a_table_best_first_and_a_plot(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("ACCURACY", "C*", "0.8000", "0.7000")
        ranks = [line.split()[0] for line in at.lines if "✓ succeeded" in line]
        assert ranks == ["1", "2"]
        assert "0004" in next(line for line in at.lines if "✓ succeeded" in line)
        await at.press("b")
        await at.sees("Curves of the best runs", "step", "● C=0.4")
        await at.press("b", "right_square_bracket", "left_square_bracket", "tab", "tab", "enter")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "the best run")
        await at.sees("✓ succeeded")

    look(ws, journey)


def test_a_sweep_without_a_best_says_why_and_a_diverged_run_says_so(ws: Workspace) -> None:
    lived(ws)
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        run("UPDATE jobs SET metric_name='foo' WHERE metric_name IS NOT NULL")
        run("UPDATE jobs SET metric_value=NULL WHERE run_id LIKE '%0003'")

    async def journey(at: Looker) -> None:
        await at.sees("diverged")
        await open_group(at)
        await at.sees(
            "FOO", "diverged", "0.8000", "no run is best: it is unknown whether foo is better high or low"
        )
        assert not any(line.split()[0] == "1" for line in at.lines if "✓ succeeded" in line)

    look(ws, journey)


def test_a_run_says_what_its_metrics_ended_in(ws: Workspace) -> None:
    lived(ws)
    folder = ws.root / jobs_of(ws)["0001"].run_dir
    points = ['{"name": "loss", "value": 0.5, "step": 1}', '{"loss": NaN}', "rubbish"]
    (folder / "metrics.jsonl").write_text("\n".join(points) + "\n")

    async def journey(at: Looker) -> None:
        await at.press("enter", "2")
        await at.sees("loss is nan now", "1 line looked like metrics")

    look(ws, journey)


def test_steers_a_sweep(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("ACCURACY")
        await at.press("F")
        await at.sees("queued again 1 run")
        await at.press("p")
        await at.sees("paused lr search", "‖ paused")
        await at.press("minus")
        await at.sees("priority lowered for 5 runs")
        await at.press("C")
        await at.sees("a copy of")
        await at.press("X")
        await at.sees("Cancel group lr search?")
        await at.press("y")
        await at.sees("canceled 4 runs, stopping 2 runs")

    look(ws, journey)


def test_what_was_read_for_screens_that_are_closed_is_let_go(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("ACCURACY")
        group: Any = at.app.screen
        trials = at.app.read_trials(group._group_id)
        await at.press("m")
        await at.until(lambda: isinstance(at.app.screen, MachineScreen), "the machine")
        machine: Any = at.app.screen
        await machine.remove_children()
        machine._show(at.app.read_machine(), None)
        await group.remove_children()
        group._show_trials((trials, trials.weighed()))

    look(ws, journey)


def test_a_pruned_group_says_so(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_group(at)
        with open_journal(ws) as journal, journal.write():
            run = journal.connection.execute
            run(
                "UPDATE jobs SET state='canceled', finished_at=created_at WHERE state IN ('queued', 'running')"
            )
            run("DELETE FROM jobs")
            run("DELETE FROM groups")
        await at.sees("this group is no longer in the journal")
        await at.press("escape")
        await at.sees("The queue is empty")

    look(ws, journey)


def test_the_machine_is_shown(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.press("m")
        await at.until(lambda: isinstance(at.app.screen, MachineScreen), "the machine")
        await at.sees("cores", "memory", "disk", "2 of 2 in use", "none that can be used")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, QueueScreen), "back")

    look(ws, journey)


@SIZES
def test_every_screen_fits_every_terminal(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        for keys in (
            ["enter"],
            ["2"],
            ["3"],
            ["4"],
            ["escape", "o"],
            ["b"],
            ["escape", "m"],
            ["question_mark"],
        ):
            await at.press(*keys)
            await at.pilot.pause()
            assert len(at.lines) <= size[1]
            assert all(len(line) <= size[0] for line in at.lines)
        await at.pilot.resize_terminal(120, 30)
        await at.pilot.resize_terminal(1, 1)
        await at.pilot.resize_terminal(80, 24)
        await at.press("escape", "escape")
        await at.sees("0001")

    look(ws, journey, size=size)


def test_ascii_alone_where_asked_for(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("> running", "x failed")
        await at.press("enter", "2")
        await at.sees("loss")
        assert at.text.isascii(), at.text
        assert lists.groups(ws)

    look(ws, journey, ascii_only=True, daemon=FakeDaemon())


def test_what_grows_while_the_screen_is_laid_out_is_seen(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await open_run(at, "4")
        await at.sees("request.json")
        at.app.screen.query_one("#files-text", Static).update("one\ntwo\n" * 4 + "the last line")
        at.app.screen._refresh_layout()
        await at.sees("the last line")

    look(ws, journey)
