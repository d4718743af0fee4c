"""Results of runs: their parameters and metrics, their order, their spread; nothing but what stands in the journal."""

from __future__ import annotations

import math
import statistics as standard
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import big
from runforge.errors import InvalidRequest
from runforge.views import lists, result_order, results, spread
from runforge.views.results import Results
from runforge.views.shown import JobView
from runforge.views.spool import Spool
from runforge.workspace import Workspace
from tests.views import measured


def _records(found: Results) -> list[dict[str, Any]]:
    return list(found.records.in_order())


def _loss(*values: float | str) -> list[dict[str, Any]]:
    return [{"name": "loss", "value": value, "step": step} for step, value in enumerate(values)]


@pytest.fixture
def three(ws: Workspace) -> list[JobView]:
    """Three runs: succeeded, failed with a metric, and one that waits."""
    runs = [{"lr": 0.1, "note": "=cmd"}, {"lr": 0.2}, {"lr": 0.3}]
    jobs = measured.enqueue(ws, runs, objective=("loss", "minimize"), width=64)
    measured.end(ws, jobs[0], primary=("loss", 0.25), points=[*_loss(0.5, 0.125, 0.25), {"acc": 0.9}])
    measured.end(ws, jobs[1], "failed", error="exit code 1", points=_loss(2.0, 1.0))
    return jobs


def test_a_record_has_the_parameters_and_the_last_lowest_and_highest_values(
    ws: Workspace, three: list[JobView]
) -> None:
    with (found := results.read(ws, [])).records:
        first, second, third = _records(found)
    assert (found.parameters, found.varying) == (["width", "lr", "note"], ["lr", "note"])
    assert found.metrics == ["loss", "acc"]
    assert found.objectives == [("loss", "minimize")]
    assert first["parameters"] == {"width": 64, "lr": 0.1, "note": "=cmd"}
    assert first["metrics"] == {"loss": [0.25, 0.125, 0.5], "acc": [0.9, 0.9, 0.9]}
    assert (first["number"], first["seconds"], first["group"]) == (three[0].number, 9.5, "lm")
    assert (second["state"], second["error"]) == ("failed", "exit code 1")
    assert second["metrics"] == {"loss": [1.0, 1.0, 2.0]}
    assert (third["state"], third["metrics"], third["seconds"]) == ("queued", {}, None)


def test_metrics_of_a_result_and_of_the_journal_count_and_the_journal_decides(ws: Workspace) -> None:
    one, two, three = measured.enqueue(ws, [{"lr": 1}, {"lr": 2}, {"lr": 3}])
    measured.end(ws, one, primary=("loss", 0.5), points=_loss(0.75), last_values={"f1": 0.8, "bad": None})
    measured.end(ws, two, primary=("loss", None), last_values={"loss": "Infinity"})
    measured.end(ws, three, primary=("loss", None))
    with (found := results.read(ws, ["@last"])).records:
        metrics = [record["metrics"] for record in found.records.in_order()]
    assert metrics[0] == {"loss": [0.5, 0.75, 0.75], "f1": [0.8, 0.8, 0.8]}
    assert metrics[1]["loss"][0] == math.inf
    assert math.isnan(metrics[2]["loss"][0])


def test_a_retried_run_that_waits_has_no_results_of_its_last_attempt(
    ws: Workspace, three: list[JobView]
) -> None:
    from runforge.queue import retry

    retry.retry_run(ws, three[1].run_id)
    with (found := results.read(ws, [three[1].run_id])).records:
        assert _records(found)[0]["metrics"] == {}


def test_a_run_without_its_folder_keeps_what_the_journal_has(tmp_path: Path) -> None:
    here = big.make(tmp_path / "ws", 2500, 3)
    with (found := results.read(here, [])).records:
        records = _records(found)
    jobs = lists.jobs(here)
    assert [r["number"] for r in records] == [job.number for job in jobs]
    values = [r["metrics"]["accuracy"][0] if r["metrics"] else None for r in records]
    assert values == [job.metric_value for job in jobs]
    assert found.parameters == ["C"]
    with (group := results.read(here, ["sweep 1"])).records:
        of_group = [job.number for job in jobs if job.group_id == jobs[0].group_id]
        assert [r["number"] for r in _records(group)] == of_group
    with (some := results.read(here, ["3-5,9", "2"], "state:succeeded")).records:
        assert {r["number"] for r in _records(some)} == {2, 3, 4, 5, 9}


_SPOOLS: list[Spool] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _SPOOLS:
        _SPOOLS.pop().close()


def _of(metrics: dict[int, dict[str, list[float]]], **more: Any) -> Results:
    spool = Spool()
    _SPOOLS.append(spool)
    for number, values in metrics.items():
        record = {"number": number, "state": "succeeded", "parameters": {"lr": number}, "program": "p"}
        spool.add({**record, "metrics": values, **more.pop(f"run_{number}", {})})
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    usual: dict[str, Any] = {"objectives": [], "first_metric": names[0] if names else None, "varying": []}
    return Results(spool, **{"parameters": ["lr"], "metrics": names, **usual, **more})


def _one(name: str, value: float) -> dict[str, list[float]]:
    return {name: [value, value, value]}


_VALUES = {1: _one("x", 3.0), 2: _one("x", 1.0), 3: _one("x", math.nan), 4: {}, 5: _one("x", 2.0)}


def _sorted(found: Results, text: str, top: int | None = None) -> list[int]:
    indexes = result_order.indexes(found, result_order.asked(found, text), top)
    return [record["number"] for record in found.records.in_order(indexes)]


def test_a_metric_sorts_best_first_and_puts_what_has_no_number_last() -> None:
    assert _sorted(_of(_VALUES), "x:max") == [1, 5, 2, 3, 4]
    assert _sorted(_of(_VALUES), "x:min") == [2, 5, 1, 3, 4]
    assert _sorted(_of(_VALUES), "lr:max", 2) == [5, 4]
    assert _sorted(_of(_VALUES), "number", 2) == [1, 2]


def test_the_best_have_succeeded_with_a_number() -> None:
    assert _sorted(_of(_VALUES), "x:max", 9) == [1, 5, 2]
    assert _sorted(_of(_VALUES, run_1={"state": "failed"}), "x:max", 1) == [5]


def test_the_direction_is_the_objectives_or_the_names_or_must_be_said() -> None:
    loss = {n: {"loss": values["x"]} if values else {} for n, values in _VALUES.items()}
    assert _sorted(_of(loss), "loss", 1) == [2]
    assert result_order.usual(_of(loss)).direction == "minimize"
    assert _sorted(_of(_VALUES, objectives=[("x", "maximize")]), "x", 1) == [1]
    for ask in (lambda: result_order.asked(_of(_VALUES), "x"), lambda: result_order.usual(_of(_VALUES))):
        with pytest.raises(InvalidRequest, match="--sort NAME:max"):
            ask()
    several = _of(_VALUES, objectives=[("x", "maximize"), ("y", "minimize")])
    with pytest.raises(InvalidRequest, match=r"several objectives: x \(maximize\), y \(minimize\)"):
        result_order.usual(several)
    with pytest.raises(InvalidRequest, match="no run has succeeded with a metric"):
        result_order.usual(_of({1: {}}))
    with pytest.raises(InvalidRequest, match="Did you mean 'loss'"):
        result_order.asked(_of(loss), "los")


def test_a_metric_whose_name_ends_like_a_direction_is_found() -> None:
    found = _of({1: _one("a:max", 1.0), 2: _one("a:max", 2.0)})
    assert _sorted(found, "a:max:min") == [1, 2]
    with pytest.raises(InvalidRequest, match="better high or low"):
        result_order.asked(found, "a:max")


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 4.0], [1e9 + 1, 1e9 + 2, 1e9 + 4], [0.1] * 7, [-3.0, 5.5]], ids=str
)
def test_the_spread_is_the_mean_and_the_sample_deviation(values: list[float]) -> None:
    found = spread.Spread()
    for value in values:
        found = found.plus(value)
    assert found.number == len(values)
    assert found.mean == pytest.approx(standard.mean(values))
    assert found.deviation == pytest.approx(standard.stdev(values), abs=1e-6)


def test_one_value_has_no_deviation_and_nan_stays_nan() -> None:
    assert spread.Spread().plus(5.0).deviation is None
    for odd in (math.nan, math.inf):
        found = spread.Spread().plus(1.0).plus(odd)
        assert not math.isfinite(found.mean)
        assert math.isnan(found.deviation or 0.0)


def test_runs_that_differ_in_the_seed_only_are_one_setting(ws: Workspace) -> None:
    runs = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in (1, 2, 3)]
    jobs = measured.enqueue(ws, runs)
    for job, loss in zip(jobs, (1.0, 2.0, 6.0, 4.0, 4.0, 9.0), strict=True):
        failed = job is jobs[-1]
        measured.end(ws, job, "failed" if failed else "succeeded", points=_loss(loss))
    other = measured.enqueue(ws, [{"lr": 0.1, "seed": 4}], command=["python", "other.py", "{args}"])
    measured.end(ws, other[0], points=_loss(100.0))
    with (found := results.read(ws, [])).records:
        settings = spread.over(found, ["seed"])
        with pytest.raises(InvalidRequest, match="Did you mean 'seed'"):
            spread.over(found, ["sed"])
    assert [(s.parameters, s.runs) for s in settings] == [
        ({"lr": 0.1}, [1, 2, 3]),
        ({"lr": 0.2}, [4, 5]),
        ({"lr": 0.1}, [7]),
    ]
    loss = [s.metrics["loss"] for s in settings]
    assert [(x.mean, x.number) for x in loss] == [(3.0, 3), (4.0, 2), (100.0, 1)]
    assert loss[0].deviation == pytest.approx(math.sqrt(7.0))
