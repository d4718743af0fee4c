"""The queue's panels, what running rows say, and runs compared side by side."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest

from runforge.queue import priority
from runforge.store.opening import open_journal
from runforge.tui import job_columns, queue_keys
from runforge.tui.beside import Beside
from runforge.tui.chart import Panel
from runforge.tui.columns import NARROW as NARROW_COLUMNS
from runforge.tui.columns import Rule, sized
from runforge.tui.compare_screen import CompareScreen
from runforge.tui.curve_panels import CurvesOfRuns
from runforge.tui.differences import differing, value_text, words
from runforge.tui.group_screen import GroupScreen
from runforge.tui.live import LiveReader, Running
from runforge.tui.machine_screen import MachineScreen
from runforge.tui.plot import PLOT_KEYS, Plot
from runforge.tui.queue_screen import QueueScreen
from runforge.tui.run_screen import RunScreen
from runforge.tui.sparkline import sparkline
from runforge.tui.trial_table import TrialTable
from runforge.workspace import Workspace

from .kit import WIDE, Looker, jobs_of, lived, look

pytestmark = pytest.mark.slow


def give_objective(ws: Workspace, metric: str) -> None:
    with open_journal(ws) as journal, journal.write():
        journal.connection.execute("UPDATE groups SET objective_metric=?, direction='minimize'", (metric,))


def append(ws: Workspace, run: str, name: str, values: list[float]) -> None:
    path = ws.root / jobs_of(ws)[run].run_dir / "metrics.jsonl"
    with path.open("a") as file:
        file.writelines(
            json.dumps({"name": name, "value": v, "step": i}) + "\n" for i, v in enumerate(values)
        )


def row_of(at: Looker, run: str) -> str:
    return next(line for line in at.lines if f"sweep-{run}" in line and "#" in line)


def test_a_running_row_tells_group_progress_value_and_parameters_in_80_columns(ws: Workspace) -> None:
    lived(ws)
    give_objective(ws, "val_loss")
    append(ws, "0001", "val_loss", [0.9, 0.25])

    async def journey(at: Looker) -> None:
        await at.sees("─Queue─", "─Groups─", "VAL_L", "0.2500")
        row = row_of(at, "0001")
        for text in ("#1 sweep-0001", "lr search", "▸ running", "███░ 7/10", "0.2500", "C=0.1"):
            assert text in row
        assert (
            "0." not in row_of(at, "0002").partition("7/10")[2].partition("C=")[0]
        )  # it reports no val_loss
        assert "C=0.5 exit code 3" in row_of(at, "0005")

    look(ws, journey)


def test_a_group_has_its_best_value_and_the_run_that_has_it(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("BEST", "0.8000 #4")

    look(ws, journey)


def test_a_wide_row_has_a_trend_and_columns_without_contents_are_left_out(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("TREND", "█▄▃▂▁▁▁")
        assert "PRIO" not in at.text
        assert "TRY" not in at.text
        priority.set_priority(ws, jobs_of(ws)["0008"].run_id, 3)
        await at.sees("PRIO")

    look(ws, journey, size=(120, 40))


@pytest.mark.parametrize("size", [(120, 40), WIDE, (80, 40)])
def test_the_run_under_the_cursor_is_beside_the_table(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("#1 sweep-0001  C=0.1", "loss  0.1429")
        beside = at.app.screen.query_one(Beside)
        if beside.size.height < 22:
            assert "epoch 7 loss" not in at.text
            await at.press("b")
        await at.sees("epoch 7 loss")
        await at.press("b")
        await at.sees("─ Machine" if size != (80, 40) else "─Machine", "cores", "memory")
        await at.press("b", "b" if beside.size.height < 22 else "G", "G")
        await at.sees("#3 sweep-0003  C=0.3")
        assert beside.parent is not None

    look(ws, journey, size=size)


def test_marked_runs_are_compared_and_can_be_left_out(ws: Workspace) -> None:
    lived(ws)
    append(ws, "0001", "accuracy", [0.1, 0.2])

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("equals_sign")
        await at.sees("mark two runs or more with space")
        await at.press("space", "space", "G", "space", "equals_sign")
        await at.until(lambda: isinstance(at.app.screen, CompareScreen), "the runs")
        await at.sees("Compare 3 runs", "What they differ in", "accuracy", "loss", "● ", "◆ ", "■ ", " C")
        assert "max_iter" not in at.text
        plot = at.app.screen.query_one(Plot)
        assert [panel.title for panel in plot._panels] == ["accuracy", "loss"]
        assert [len(panel.series) for panel in plot._panels] == [1, 3]
        await at.press("space")
        await at.until(lambda: len(plot._panels) == 1, "the first one is not drawn")
        assert [panel.look(0) for panel in plot._panels] == [1]  # the others keep their looks
        await at.press("a")
        await at.until(lambda: len(plot._panels) == 2, "all again")
        await at.press("tab", "left", "full_stop", "enter", "L", "tilde", "0", "tab", "enter")
        await at.until(lambda: isinstance(at.app.screen, RunScreen), "a run")

    look(ws, journey, size=WIDE)


def test_marks_in_a_sweep_choose_its_curves(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("o")
        await at.sees("ACCURACY")
        await at.press("b")
        await at.sees("Curves of the best runs", "● C=0.4", "◆ C=0.3", "■ C=0.1")
        await at.press("j", "space", "space")
        await at.sees("Curves of the marked runs", "● C=0.3", "◆ C=0.1")
        await at.misses("■ C")
        await at.press("equals_sign")
        await at.sees("Compare 2 runs")

    look(ws, journey)


def test_a_run_opens_on_its_objective(ws: Workspace) -> None:
    lived(ws)
    give_objective(ws, "zz_loss")
    append(ws, "0001", "zz_loss", [0.5, 0.4])
    append(ws, "0001", "gpu_mem", [12.0, 12.0])

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("c")
        await at.sees("zz_loss: 1 of 3")

    look(ws, journey)


def test_a_running_rows_pace_and_time_left(tmp_path: Path) -> None:
    log, metrics = tmp_path / "logs.txt", tmp_path / "metrics.jsonl"
    log.write_text("[RF:EPOCH=1/10]\n[RF:EPOCH=2/10]\n")
    metrics.write_text(
        '{"name": "loss", "value": 1.0, "step": 10}\n{"name": "gpu", "value": 3, "step": 10}\n'
    )
    reader, run = LiveReader(), Running("r", tmp_path, None, 60.0)
    live = reader.read([run], 100.0)["r"]
    assert (live.done, live.of, live.metric, live.value) == (2, 10, "loss", 1.0)
    assert live.rate is None
    assert live.left == 240.0
    with metrics.open("a") as more:
        more.write('{"name": "loss", "value": 0.5, "step": 30}\n{"name": "loss", "val')
    live = reader.read([run], 104.0)["r"]
    assert (live.value, live.values, live.rate) == (0.5, (1.0, 0.5), 5.0)
    metrics.write_text('{"name": "loss", "value": 2.0, "step": 1}\n')
    assert reader.read([run], 106.0)["r"].rate is None  # it began again
    assert reader.read([run._replace(objective="acc")], 107.0)["r"].value is None


def test_of_a_run_that_has_written_very_much_the_end_counts(tmp_path: Path) -> None:
    line = '{"name": "loss", "value": 0.5, "step": 30}\n'
    (tmp_path / "metrics.jsonl").write_text(
        line * (5 * 1024 * 1024 // len(line)) + line.replace("0.5", "0.25")
    )
    live = LiveReader().read([Running("r", tmp_path, "loss", None)], 1.0)["r"]
    assert live.value == 0.25
    assert len(live.values) <= 1000


def test_what_a_script_prints_counts_too(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text("".join(f"Epoch {i}/5\nloss: 0.{9 - i}\n" for i in range(1, 4)))
    live = LiveReader().read([Running("r", tmp_path, None, 30.0)], 1.0)["r"]
    assert (live.done, live.of, live.metric, live.value, live.left) == (3, 5, "loss", 0.6, 20.0)


def test_a_hostile_folder_is_no_news(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").mkdir()
    (tmp_path / "metrics.jsonl").symlink_to("/etc/passwd")
    assert LiveReader().read([Running("r", tmp_path, None, None)], 1.0) == {}


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([1.0, 2.0, 3.0], 8, "▁▅█"),
        ([], 8, ""),
        ([1.0], 8, ""),
        ([2.0, 2.0], 8, "▁▁"),
        ([1.0, math.nan, 3.0, math.inf], 8, "▁ █ "),
        ([-1e308, 1e308], 8, "▁▁"),
        ([float(i) for i in range(800)], 8, "▁▂▃▄▅▆▇█"),
    ],
)
def test_a_sparkline(values: list[float], width: int, drawn: str) -> None:
    assert sparkline(values, width) == drawn


def test_columns_are_as_wide_as_their_contents_and_never_wider_than_the_list() -> None:
    contents = {key: rule.most for key, rule in job_columns.RULES.items()}
    for width, some in itertools.product(range(40, 260, 7), (contents, {"run": 10, "detail": 5}, {})):
        layout = job_columns.fitted(some, width)
        used = sum(wide for _, wide in layout.columns) + layout.gap * (len(layout.columns) - 1)
        assert used <= width
        assert layout.gap == (1 if width < NARROW_COLUMNS else 2)
    rules = {"a": Rule("A", 1, 5, 0), "b": Rule("B", 1, 5, 1), "c": Rule("C", 1, 50, 0)}
    assert [(c.key, w) for c, w in sized(rules, {"a": 3}, 20, ("c",)).columns] == [("a", 1), ("c", 18)]


def test_the_sorted_column_is_shown_with_its_arrow() -> None:
    layout = job_columns.fitted({"run": 10}, 60, "priority")
    assert {c.key: w for c, w in layout.columns}["priority"] >= 5


def test_only_what_differs_is_said(ws: Workspace) -> None:
    lived(ws)
    jobs = list(jobs_of(ws).values())
    one = jobs[0]._replace(overrides={"model.lr": 1e-05, "model.seed": 1, "model.opt": "adam"})
    two = jobs[1]._replace(overrides={"model.lr": 0.1, "model.seed": 1})
    assert differing([one, two]) == ["model.lr", "model.opt"]
    assert words(one, ["model.lr", "model.opt"]) == "lr=1e-05 opt=adam"
    assert words(two, ["model.lr", "model.opt"]) == "lr=0.1"
    assert [value_text(v) for v in (True, None, 3, 0.1, "x" * 50)][:4] == ["true", "null", "3", "0.1"]


def test_more_than_twelve_runs_are_grey_and_counted(ws: Workspace) -> None:
    lived(ws)
    jobs = [jobs_of(ws)[f"000{n % 5 + 1}"] for n in range(15)]
    found = CurvesOfRuns(ws.root).read(jobs, None)
    assert found is not None
    assert found.legend[-1] == (12, "3 more")
    (panel,) = found.panels
    assert isinstance(panel, Panel)
    assert len(panel.series) == 15


#: key -> what it does wherever it does anything
GRAMMAR = {
    "l": "log",
    "c": "curves",
    "i": "info|all about",
    "o": "group",
    "b": "beside",
    "equals_sign": "compare",
    "space": "mark",
    "full_stop": "next metric",
    "comma": "previous metric",
    "n": "new run",
    "e": "edit",
    "h": "hold",
    "d": "remove",
    "z": "freeze",
    "Z": "make room",
    "J": "down",
    "K": "up",
    "L": "logarithmic",
    "tilde": "smooth",
    "x": "cancel",
    "r": "retry",
    "C": "copy",
    "p": "pause",
    "plus": "higher priority|zoom in",
    "minus": "lower priority|zoom out",
    "y": "copy",
    "Y": "copy",
    "slash": "filter|search",
    "question_mark": "help",
    "D": "daemon",
    "m": "machine",
    "q": "back",
}


def test_a_key_means_the_same_on_every_screen() -> None:
    classes = (QueueScreen, GroupScreen, RunScreen, CompareScreen, MachineScreen, TrialTable, Plot)
    bindings = [binding for each in classes for binding in each.BINDINGS] + [*PLOT_KEYS, *queue_keys.BINDINGS]
    seen = set()
    for binding in bindings:
        keys, description = (
            (binding.key, binding.description) if not isinstance(binding, tuple) else binding[::2]
        )
        for key in keys.split(","):
            if key in GRAMMAR:
                seen.add(key)
                assert any(word in description.lower() for word in GRAMMAR[key].split("|")), (
                    key,
                    description,
                )
    assert seen >= set(GRAMMAR) - {"question_mark", "D", "m", "q"}
