"""The tables of jobs: which column says what, and that nothing is shown under another's name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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


def test_a_long_list_is_printed_in_parts_under_one_header(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What never fits into the memory is printed as it is read; columns stay, and grow with what comes."""
    monkeypatch.setattr(tables, "_TOGETHER", 2)
    printed = []

    def each() -> Iterator[JobView]:
        for number, metric in ((9, None), (10, None), (11, "loss"), (1000, None), (1001, None)):
            printed.extend(capsys.readouterr().out.splitlines())
            yield _job(number=number, metric_name=metric, state="failed" if metric else "succeeded")
            assert len(printed) == (0 if number < 11 else 3 if number < 1001 else 5)

    assert tables.print_jobs(each()) == {"succeeded", "failed"}
    header, *rows = [*printed, *capsys.readouterr().out.splitlines()]
    assert header.split() == ["#", "RUN", "STATE", "TRY", "TIME", "DETAIL"]
    assert [row.split()[0] for row in rows] == ["9", "10", "11", "1000", "1001"]
    assert "loss=0.2500" in rows[2]
    assert [header.index("RUN"), *(row.index("2026") for row in rows)] == [4, 4, 4, 6, 6, 6]


def test_on_a_terminal_the_parts_of_a_list_fit_and_have_their_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_TOGETHER", 1)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    jobs = [_job(), _job(state="failed", number=1234567, error="x" * 80)]
    tables.print_jobs(jobs)
    _, first, second = capsys.readouterr().out.splitlines()
    assert not first.startswith("\x1b")
    assert second.startswith("\x1b[31m1234567")
    assert len(second) == 60 + len("\x1b[31m\x1b[0m")


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
