"""A sweep's screen: what matters, the charts, and the keys that extend it and set its stop rule."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from textual.widgets import Input

from runforge.core.stop_rules import from_json
from runforge.core.study import Study
from runforge.store import studies
from runforge.store.opening import open_journal, open_snapshot
from runforge.tui.group_screen import GroupScreen
from runforge.tui.line_dialog import LineDialog
from runforge.tui.series_looks import STOPPED, mark
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, Looker, look
from .sweeps import GRID, HYPER, LAYERS, LR, OPT, End, end, queue, searched, succeeded

SIGN = f"{mark(STOPPED)} stopped early"
pytestmark = pytest.mark.slow


def by_lr(place: int, row: Mapping[str, Any]) -> End:
    """The metric follows the learning rate; one run was stopped, one failed, one has diverged."""
    loss = math.log10(json.loads(row["overrides"])[f"{HYPER}.lr"]) + 6
    special: dict[int, End] = {
        3: ("canceled", "stopped_early", loss + 3),
        4: ("failed", "exit", None),
        5: ("succeeded", None, None),
    }
    return special.get(place, ("succeeded", None, loss))


async def open_group(at: Looker) -> None:
    await at.until(lambda: at.app.snapshot is not None and at.app.snapshot.order, "jobs")
    await at.press("o")
    await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")


def study(ws: Workspace, group_id: str) -> Study:
    with open_snapshot(ws) as journal, journal.read() as tx:
        found = studies.of_group(tx, group_id)
    assert found is not None
    return found


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "200x50"])
def test_a_sweep_says_what_matters_and_draws_its_runs(ws: Workspace, size: tuple[int, int]) -> None:
    end(ws, queue(ws, searched(LR, LAYERS, OPT, number=30)), by_lr)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("lr", "+1.00", "rank correlation with loss over 27 runs", "0.15")
        if size == WIDE:
            await at.sees("ratio of 3 values without an order, may be chance")
        await at.sees("(1 of 4)", "● succeeded", SIGN, "loss (log x)", "0.001")
        await at.press("b")
        await at.sees("Curves of the best runs (2 of 4)")
        await at.press("b")
        await at.sees("Best so far over the trials (3 of 4)", "● better than all before", "○ not better")
        await at.sees("best so far 1.", "without 1 failed, 1 diverged", "trial")
        await at.press("right", "left")
        await at.press("b")
        await at.sees("A parameter against the others (4 of 4)", "● the best quarter", SIGN)
        await at.sees("layers (log x)", "opt (log x)", "adam", "lion")
        await at.press("right_square_bracket")
        await at.sees("opt", "lr (log)", "LAYERS*")
        await at.press("3", "right_square_bracket")
        await at.sees("(1 of 4)", "OPT*", "adam")
        await at.press("4")
        await at.sees("(4 of 4)")
        await at.press("b")
        await at.sees("(1 of 4)")

    look(ws, journey, size=size)


@pytest.mark.parametrize(
    ("strategy", "metrics", "texts"),
    [
        (
            searched(LR, number=1),
            [0.5],
            ["too few runs have succeeded: 1 of at least 5", "only one parameter"],
        ),
        (searched(LR, LAYERS, number=8), [], ["no run has succeeded with a metric yet", "no run has ended"]),
        (
            searched(LR, LAYERS, number=8),
            [None] * 8,
            ["no run has succeeded with a metric yet", "no run has"],
        ),
        (
            searched(LR, LAYERS, number=8),
            [0.5] * 8,
            ["the metric is the same in all runs", "the best quarter"],
        ),
    ],
    ids=["one", "none", "diverged", "equal"],
)
@pytest.mark.parametrize("size", [NARROW, WIDE, (40, 10), (10, 3)], ids=str)
def test_a_sweep_with_little_to_show(
    ws: Workspace,
    strategy: dict[str, Any],
    metrics: list[float | None],
    texts: list[str],
    size: tuple[int, int],
) -> None:
    group_id = queue(ws, strategy)
    if metrics:
        end(ws, group_id, succeeded(metrics))

    async def journey(at: Looker) -> None:
        await open_group(at)
        if size in {NARROW, WIDE}:
            await at.sees(texts[0])
        for key in ("2", "3", "right", "4", "L", "L", "1"):
            await at.press(key)
        await at.press("4")
        if size in {NARROW, WIDE}:
            await at.sees(texts[1])

    look(ws, journey, size=size)


def test_a_constant_parameter_says_so(ws: Workspace) -> None:
    one = {"path": f"{HYPER}.seed", "values": [7]}
    end(ws, queue(ws, {"type": "grid", "parameters": [one], "repeat": 6}), succeeded([1.0, 2, 3, 4, 5, 6]))

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("repeat +1.00")
        await at.press("4")
        await at.sees("only one parameter varies")

    look(ws, journey, size=WIDE)


@pytest.mark.parametrize("is_without_colour", [False, True])
def test_charts_need_neither_colour_nor_unicode(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, is_without_colour: bool
) -> None:
    if is_without_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    end(ws, queue(ws, searched(LR, LAYERS, OPT, number=30)), by_lr)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("* succeeded  x stopped early")
        await at.press("4")
        await at.sees("* the best quarter  % the others  x stopped early")
        await at.press("E")
        await at.sees("enter extend")
        assert at.text.isascii() or not is_without_colour

    look(ws, journey, size=WIDE, ascii_only=True)


def test_five_thousand_runs(ws: Workspace) -> None:
    end(ws, queue(ws, searched(LR, LAYERS, OPT, number=5000)), by_lr)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.sees("over 4,997 runs", "+1.00")
        await at.press("3")
        await at.until(lambda: "best so far 1." in at.text, "the best so far", 60)
        await at.press("4")
        await at.until(lambda: "the best quarter" in at.text, "pairs", 60)
        await at.press("E")
        await at.sees("Extend lm, a sweep by random with 5,000 runs")
        await at.press(*"10")
        await at.until(lambda: "10 new" in at.text, "what would be done", 60)

    look(ws, journey, size=WIDE)


def test_e_extends_a_grid_and_says_what_is_wrong_before(ws: Workspace) -> None:
    group_id = queue(ws, GRID)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.press("E")
        await at.sees("Extend lm, a sweep by grid with 2 runs", "lr = 0.1, 0.2", "↵ extend")
        await at.press(*"wd=1")
        await at.sees("the sweep does not vary wd")
        await at.press("enter")
        await at.sees("the sweep does not vary wd")
        field = at.app.screen.query_one(Input)
        for wrong, said in (
            ("30", "-n is about --random and --tpe"),
            ("lr='0.3", "a quotation mark has no other one"),
            ("lr 3", "neither KEY=VALUES nor a number"),
            ("-S lr=1..100000", "the limit is 10,000"),
        ):
            field.value = wrong
            await at.sees(said)
        assert len(lists.jobs(ws)) == 2
        field.value = "lr=0.2,0.3"
        await at.sees("1 new; 2 known (2 queued)")
        await at.press("enter")
        await at.sees("lm: 1 new; 2 known")
        assert not isinstance(at.app.screen, LineDialog)
        await at.press("E")
        await at.until(lambda: isinstance(at.app.screen, LineDialog), "the window")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")

    look(ws, journey)
    assert len(lists.jobs(ws, group_id=group_id)) == 3


def test_e_makes_more_trials_from_the_queue_too(ws: Workspace) -> None:
    queue(ws, searched({"path": f"{HYPER}.n", "low": 1, "high": 4}, number=2))

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("E")
        await at.sees("Extend lm, a sweep by random with 2 runs", "n = 1..4")
        await at.press(*"20")
        await at.sees("2 new; the space is exhausted: 2 different trials were found")
        await at.press("enter")
        await at.sees("lm: 2 new; the space is exhausted")

    look(ws, journey)
    assert len(lists.jobs(ws)) == 4


def test_t_sets_the_stop_rule(ws: Workspace) -> None:
    group_id = queue(ws, GRID)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("T")
        await at.sees("Stop rule of lm", "off", "no run ends early", "patience:10", "↵ set")
        field = at.app.screen.query_one(Input)
        field.value = "mediam"
        await at.sees("'mediam' is no stop rule")
        await at.press("enter")
        await at.sees("'mediam' is no stop rule")
        assert study(ws, group_id).stop == "{}"
        field.value = "asha:min=5"
        await at.sees("asha:eta=3,min=5, by loss (minimize)")
        await at.press("enter")
        await at.sees("lm: the stop rule is asha:eta=3,min=5")
        await at.press("T")
        await at.sees("by loss (minimize)")
        await at.press("enter")
        await at.sees("the stop rule is asha:eta=3,min=5, as before")

    look(ws, journey)
    assert str(from_json(study(ws, group_id).stop)) == "asha:eta=3,min=5"


def test_a_rule_needs_a_metric(ws: Workspace) -> None:
    group_id = queue(ws, GRID, objective=False)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("T")
        await at.sees("no run ends early")
        at.app.screen.query_one(Input).value = "median"
        await at.sees("--stop must know by which metric", "val/loss:min --stop ...")

    look(ws, journey)
    assert study(ws, group_id).stop == "{}"


def test_a_group_that_cannot_be_extended_says_so(ws: Workspace) -> None:
    queue(ws, {"type": "list", "runs": [{f"{HYPER}.lr": 1}, {f"{HYPER}.lr": 2}]})

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("E")
        await at.sees("is a list of runs")
        await at.press("T")
        await at.sees("Stop rule of lm")

    look(ws, journey)


def test_a_read_only_session_changes_no_sweep(ws: Workspace) -> None:
    queue(ws, GRID)

    async def journey(at: Looker) -> None:
        await open_group(at)
        assert "stop rule" not in at.text
        for key in ("E", "T"):
            await at.press(key)
            await at.sees("this session is read-only")
            assert isinstance(at.app.screen, GroupScreen)
            at.app.screen.say("")
            await at.misses("this session is read-only")

    look(ws, journey, read_only=True)


def test_the_help_has_the_keys(ws: Workspace) -> None:
    queue(ws, GRID)

    async def journey(at: Looker) -> None:
        await open_group(at)
        await at.press("question_mark", *"sweep")
        await at.sees("Extend the sweep: more values, or more trials", "Stop rule of the sweep")

    look(ws, journey, size=WIDE)


def test_a_sweep_whose_space_is_exhausted_says_so(ws: Workspace) -> None:
    group_id = queue(ws, GRID)
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        run("UPDATE sweeps SET ended='space exhausted', made=2, wanted=10 WHERE group_id=?", (group_id,))

    async def journey(at: Looker) -> None:
        await at.sees("lm  space exhausted")
        await at.press("tab", "w")
        await at.sees("space exhausted, 2 of 10 trials are made")
        await at.press("escape", "tab")
        await open_group(at)
        await at.sees("space exhausted: 2/10")

    look(ws, journey)
