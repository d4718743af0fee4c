"""The tables of jobs: which column says what, and that nothing is shown under another's name."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.cli import tables
from runforge.views.labels import label, parameter_names, short_id
from runforge.views.shown import JobView

_USUAL: dict[str, Any] = {
    "job_id": "job_1",
    "run_id": "20260131-120000-sweep-0007",
    "group_id": "grp_1",
    "state": "succeeded",
    "priority": 0,
    "requires_gpu": False,
    "attempt": 1,
    "created_at": "2026-01-31T12:00:00.000Z",
    "started_at": None,
    "finished_at": None,
    "seconds": 1.5,
    "error": None,
    "cause": None,
    "cancel_requested": False,
    "dry_run": False,
    "metric_name": "loss",
    "metric_value": 0.25,
    "overrides": {"model.hyperparameters.lr": 0.1},
    "run_dir": ".runforge/runs/x",
    "number": 41,
}


def _job(**changes: Any) -> JobView:
    return JobView(**{**_USUAL, **changes})


def _printed(capsys: pytest.CaptureFixture[str], *jobs: JobView) -> list[str]:
    tables.print_jobs(jobs)
    return capsys.readouterr().out.splitlines()


def test_the_metric_column_has_the_metrics_name_and_others_say_theirs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = _job(metric_name="gpu_mem_gib", metric_value=12.0133)
    header, first, _, third = _printed(capsys, _job(), _job(metric_value=1e-05), other)
    assert header.split() == ["#", "RUN", "STATE", "TRY", "TIME", "loss", "DETAIL"]
    assert first.split()[-2:] == ["0.2500", "lr=0.1"]
    assert "gpu_mem_gib=12.0133" in third


def test_without_a_metric_there_is_no_column_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    header, row = _printed(capsys, _job(metric_name=None, metric_value=None, state="queued", seconds=None))
    assert header.split() == ["#", "RUN", "STATE", "TRY", "TIME", "DETAIL"]
    assert row.split() == ["41", "20260131-120000-sweep-0007", "·", "queued", "lr=0.1"]


def test_a_diverged_metric_is_no_empty_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert "diverged  lr=0.1" in _printed(capsys, _job(metric_value=None))[1]


def test_a_failed_run_keeps_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    error = "exit code 1: RuntimeError: CUDA out of memory"
    row = _printed(capsys, _job(state="failed", error=error, tags=("night",)))[1]
    assert row.endswith("lr=0.1  #night  exit code 1: RuntimeError: CUDA out of memory")


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ({"held": True, "blockers": 2}, "held"),
        ({"blockers": 1}, "waits for another"),
        ({"blockers": 3, "not_before": "2126-01-31T12:00:00.000Z"}, "waits for 3 others"),
        ({"not_before": "2126-01-31T12:00:00.000Z"}, "starts at "),
    ],
)
def test_a_waiting_run_says_what_holds_it_back(
    gates: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"  lr=0.1  {expected}" in _printed(capsys, _job(state="queued", **gates))[1]
    assert expected not in _printed(capsys, _job(state="canceled", **gates))[1]


def test_hostile_names_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b]0;x\x07\nb"
    lines = _printed(capsys, _job(metric_name=evil, tags=(evil,), overrides={evil: evil}, error=evil))
    assert len(lines) == 2
    assert "\x1b" not in "".join(lines)


def test_a_run_is_called_by_its_name_unless_a_whole_sweep_has_it() -> None:
    assert label(_job()) == "sweep-0007"
    assert label(_job(name="resnet")) == "sweep-0007"
    assert label(_job(name="resnet", group_id=None)) == "resnet"
    assert [short_id(given) for given in ("mine", "20260131-120000-", "20260131-x")] == [
        "mine",
        "20260131-120000-",
        "20260131-x",
    ]


def test_parameters_have_short_names_unless_two_would_be_the_same() -> None:
    lr, nested = "model.hyperparameters.lr", "model.hyperparameters.optimizer.lr"
    assert parameter_names([lr, nested, "model.family"]) == {
        lr: "lr",
        nested: "optimizer.lr",
        "model.family": "family",
    }
    assert parameter_names([lr, "model.lr"]) == {lr: lr, "model.lr": "model.lr"}
