"""The charts of a sweep, as data: which runs are drawn, on which axes, with which signs."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.core.space import Dimension
from runforge.core.study import RANDOM, Study, Template
from runforge.tui import sweep_panels
from runforge.tui.chart import Panel, View
from runforge.tui.series_looks import STOPPED
from runforge.views.shown import JobView
from runforge.views.trials import Trials

LR, OPT = "model.hyperparameters.lr", "model.hyperparameters.opt"
STUDY = Study("g", RANDOM, (Dimension(LR, 1e-3, 1e-2, is_log=True),), Template({}))


def job(
    number: int, metric: float | None, state: str = "succeeded", cause: str | None = None, **more: Any
) -> JobView:
    usual: dict[str, Any] = dict.fromkeys(JobView._fields[:19])
    overrides = {LR: number / 1000, OPT: "ab"[number % 2], **more}
    changes = {"run_id": f"run-{number:04}", "state": state, "cause": cause, "metric_name": "loss"}
    return JobView(**{**usual, **changes, "metric_value": metric, "overrides": overrides, "number": number})


RUNS = [
    job(1, 5.0),
    job(2, 3.0),
    job(3, None, "failed"),
    job(4, 9.0, "canceled", "stopped_early"),
    job(5, 4.0),
    job(6, None),
    job(7, 1.0),
    job(8, None, "queued"),
]
BEST_FIRST = sorted(
    (r for r in RUNS if r.state == "succeeded" and r.metric_value), key=lambda r: r.metric_value or 0
)
TRIALS = Trials(
    [*BEST_FIRST, *(r for r in RUNS if r not in BEST_FIRST)], [LR, OPT], "loss", 4, "", "minimize", STUDY
)


def points(panel: Panel) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each series by the sign that it has."""
    names = {0: "best", 6: "others", STOPPED: "stopped"}
    return {f"{names[s.look or 0]} {s.kind}": list(zip(s.xs, s.ys, strict=True)) for s in panel.series}


def test_the_metric_against_a_parameter_has_stopped_runs_as_such_and_no_failed_ones() -> None:
    drawn = sweep_panels.against(TRIALS, LR)
    found = points(drawn.panels[0])
    assert sorted(found["best points"]) == [(0.001, 5.0), (0.002, 3.0), (0.005, 4.0), (0.007, 1.0)]
    assert found["stopped points"] == [(0.004, 9.0)]
    assert drawn.legend == [(0, "succeeded"), (STOPPED, "stopped early")]
    assert sweep_panels.against(Trials(BEST_FIRST, [LR], "loss", 4), LR).legend == []


def test_a_log_parameter_has_a_log_axis_and_the_view_decides_otherwise() -> None:
    (panel,) = sweep_panels.against(TRIALS, LR).panels
    assert panel.is_log_x(View())
    assert not panel.is_log_x(View(log_x=False))
    (linear,) = sweep_panels.against(Trials(BEST_FIRST, [LR], "loss", 4), LR).panels
    assert not linear.is_log_x(View())
    (pair,) = sweep_panels.pairs(TRIALS, OPT, [LR, OPT]).panels
    assert (pair.title, pair.x_label, list(pair.categories)) == ("lr", "opt", ["b", "a"])
    assert pair.is_log_y(View())
    assert not pair.is_log_y(View(log_y=True))


def test_categories_are_places_on_either_axis() -> None:
    (panel,) = sweep_panels.against(TRIALS, OPT).panels
    assert list(panel.categories) == ["b", "a"]
    assert sorted(points(panel)["best points"]) == [(0.0, 1.0), (0.0, 4.0), (0.0, 5.0), (1.0, 3.0)]
    (pair,) = sweep_panels.pairs(TRIALS, LR, [LR, OPT]).panels
    assert list(pair.y_categories) == ["b", "a"]
    found = points(pair)
    assert found["best points"] == [(0.007, 0.0)]
    assert sorted(found["others points"]) == [(0.001, 0.0), (0.002, 1.0), (0.005, 0.0)]
    assert found["stopped points"] == [(0.004, 1.0)]


@pytest.mark.parametrize(
    ("direction", "records", "line"),
    [
        (
            "minimize",
            [(1.0, 5.0), (2.0, 3.0), (7.0, 1.0)],
            [(1.0, 5.0), (2.0, 5.0), (2.0, 3.0), (7.0, 3.0), (7.0, 1.0), (8.0, 1.0)],
        ),
        ("maximize", [(1.0, 5.0)], [(1.0, 5.0), (8.0, 5.0)]),
    ],
)
def test_the_best_so_far_is_a_line_of_steps_in_which_stopped_runs_do_not_count(
    direction: str, records: list[tuple[float, float]], line: list[tuple[float, float]]
) -> None:
    trials = Trials(TRIALS.jobs, [LR], "loss", 4, "", direction)
    drawn = sweep_panels.best_so_far(trials)
    found = points(drawn.panels[0])
    assert (found["best points"], found["best line"]) == (records, line)
    assert found["stopped points"] == [(4.0, 9.0)]
    assert len(found["others points"]) == 4 - len(records)
    assert drawn.panels[0].note == "without 1 failed, 1 diverged"
    assert not drawn.panels[0].is_log_x(View())


def test_without_a_direction_there_is_no_best_so_far() -> None:
    trials = Trials(TRIALS.jobs, [LR], "loss", 0, "unknown")
    drawn = sweep_panels.best_so_far(trials)
    assert points(drawn.panels[0]).keys() == {"others points", "stopped points"}
    assert drawn.legend[0] == (6, "succeeded")
    assert sweep_panels.pairs(trials, LR, [LR, OPT]).legend[0] == (6, "succeeded")


def test_one_parameter_has_no_pair_and_the_most_important_pairs_come_first() -> None:
    assert "only one parameter" in sweep_panels.pairs(TRIALS, LR, [LR]).empty
    many = [job(n, 1.0, **{f"p{i}": n * i for i in range(40)}) for n in range(1, 9)]
    names = [f"p{i}" for i in range(40)]
    drawn = sweep_panels.pairs(
        Trials(many, [LR, *names], "loss", 8, "", "minimize"), LR, [LR, *reversed(names)]
    )
    assert [panel.title for panel in drawn.panels][:2] == ["p39", "p38"]
    assert len(drawn.panels) == 30


def test_what_is_left_out_is_counted_in_words() -> None:
    assert TRIALS.weighed().left_out == "1 failed, 1 stopped early, 1 diverged"
    assert (TRIALS.weighed().runs, TRIALS.weighed().metric) == (4, "loss")
