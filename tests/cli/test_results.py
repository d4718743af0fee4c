"""`results` and `compare`: what is written can be read back, opened in a spreadsheet, and shown in a terminal."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import result_formats
from runforge.cli.compare import compare
from runforge.cli.result_sheets import Sheet
from runforge.cli.results import results
from runforge.errors import InvalidRequest, OperationFailed
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.views import measured

_EVIL = 'a,"b"\nc\x1b]0;x\x07|<i>`日本語'


@pytest.fixture
def runs(ws: Workspace) -> Workspace:
    """A sweep of four: three have succeeded, one has failed."""
    given = [{"lr": lr, "seed": seed, "note": _EVIL} for lr in (0.1, 0.2) for seed in (1, 2)]
    jobs = measured.enqueue(ws, given, objective=("loss", "minimize"), name="=lm")
    for job, loss in zip(jobs, (0.1, 1e-05, 123456.789, 1 / 3), strict=True):
        points = [{"step": 1, "loss": 2.0}, {"step": 2.5, "loss": loss, "@acc": "NaN", "lr": 7.0}]
        failed = job is jobs[2]
        measured.end(
            ws,
            job,
            "failed" if failed else "succeeded",
            primary=("loss", loss),
            error="exit code 1" if failed else None,
            points=points,
        )
    return ws


def _results(ws: Workspace, *targets: str, **options: Any) -> int:
    usual: dict[str, Any] = {"where": None, "sort": None, "top": None, "by": None, "format": None}
    usual |= {"output_file": None, "curves": False, "importance": False, **options}
    return results(list(targets), workspace=ws.root, **usual)


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(keepends=True)))


def test_csv_reads_back_as_the_journal(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert _results(runs, format="csv") == 0
    rows = _rows(capsys.readouterr().out)
    jobs = lists.jobs(runs)
    assert [int(row["number"]) for row in rows] == [job.number for job in jobs]
    assert [row["run_id"] for row in rows] == [job.run_id for job in jobs]
    assert [float(row["loss"]) for row in rows] == [job.metric_value for job in jobs]
    assert [float(row["seconds"]) for row in rows] == [job.seconds for job in jobs]
    assert [(float(row["lr"]), int(row["seed"])) for row in rows] == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]
    assert {row["note"] for row in rows} == {_EVIL}
    assert {(row["loss.max"], row["'@acc"]) for row in rows} == {("2.0", "NaN"), ("123456.789", "NaN")}
    assert {row["metric.lr"] for row in rows} == {"7.0"}
    assert {row["group"] for row in rows} == {"'=lm"}
    assert [row["error"] for row in rows] == ["", "", "exit code 1", ""]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *(
            ("=1+1", "'=1+1"),
            ("+cmd", "'+cmd"),
            ("-cmd", "'-cmd"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("-5", "-5"),
        ),
        *((None, ""), (True, "true"), (7, "7"), (1e-300, "1e-300"), (0.1 + 0.2, "0.30000000000000004")),
        *(
            (math.nan, "NaN"),
            (math.inf, "Infinity"),
            (-math.inf, "-Infinity"),
            ([1, "a"], '[1, "a"]'),
            ("", ""),
        ),
    ],
)
def test_a_cell_is_exact_and_no_spreadsheet_executes_it(
    value: Any, cell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    result_formats.write_csv(sys.stdout, Sheet(["a", "b"], lambda: iter([[value, 1]])))
    _, row = csv.reader(capsys.readouterr().out.splitlines(keepends=True))
    assert row == [cell, "1"]


def test_json_and_lines_have_the_same_runs(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _results(runs, format="jsonl")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    _results(runs, format="json")
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "runforge.results/1"
    assert document["data"]["runs"] == lines
    assert document["data"]["objectives"] == [{"metric": "loss", "direction": "minimize"}]
    assert lines[0]["metrics"]["loss"] == {"last": 0.1, "min": 0.1, "max": 2.0}
    assert lines[0]["metrics"]["@acc"]["last"] == "NaN"
    assert lines[0]["parameters"] == {"lr": 0.1, "seed": 1, "note": _EVIL}
    assert lines[0]["tags"] == []
    _results(runs, format="csv")
    header, first, *_ = csv.reader(capsys.readouterr().out.splitlines(keepends=True))
    assert dict(zip(header, first, strict=True))["tags"] == ""


def test_no_run_is_an_empty_document(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with open_journal(ws, create=True):
        pass
    for name, expected in (("json", []), ("csv", 1)):
        assert _results(ws, format=name) == 0
        said = capsys.readouterr()
        assert "There is no run yet" in said.err
        found = json.loads(said.out)["data"]["runs"] if name == "json" else len(said.out.splitlines())
        assert found == expected


def test_the_table_shows_what_varies_and_small_numbers(
    runs: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    _results(runs)
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["#", "RUN", "STATE", "lr", "seed", "loss", "@acc", "metric.lr", "TIME", "CAUSE"]
    assert rows[1].split()[4:7] == ["0.1", "2", "1.00e-05"]
    assert len(rows) == 4


def test_the_best_are_those_of_the_objective(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _results(runs, top=2)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["#", "2", "1"]
    with pytest.raises(InvalidRequest, match="--sort NAME:max"):
        _results(runs, sort="lr", top=1)


def test_markdown_survives_hostile_values(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _results(runs, lists.jobs(runs)[0].run_id, format="md")
    header, line, row, *rest = capsys.readouterr().out.splitlines()
    assert header.startswith("| # | RUN | STATE | lr | seed | note |")
    assert line == "| --- " * 11 + "|"
    assert "\\|&lt;i>\\`日本語" in row
    assert "\x1b" not in row
    assert rest == []


def test_equal_runs_become_mean_and_deviation(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _results(runs, by=["seed"], format="csv", sort="loss")
    rows = _rows(capsys.readouterr().out)
    assert [(row["n"], row["runs"], row["lr"], row["loss.n"]) for row in rows] == [
        ("2", "1 2", "0.1", "2"),
        ("1", "4", "0.2", "1"),
    ]
    assert float(rows[0]["loss.mean"]) == pytest.approx((0.1 + 1e-05) / 2)
    assert float(rows[0]["loss.sd"]) == pytest.approx((0.1 - 1e-05) / math.sqrt(2))
    assert (rows[1]["loss.sd"], rows[0]["'@acc.mean"]) == ("", "NaN")
    _results(runs, by=["seed"])
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["lr", "N", "loss"]
    assert first.split()[:5] == ["0.1", "2", "0.0500", "±", "0.0707"]
    assert second.split()[:3] == ["0.2", "1", "0.3333"]
    _results(runs, by=["seed"], format="json")
    data = json.loads(capsys.readouterr().out)["data"]
    assert (data["by"], data["settings"][1]["runs"]) == (["seed"], [4])
    assert data["settings"][1]["metrics"]["loss"]["sd"] is None


def test_curves_are_one_row_a_value(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    first = lists.jobs(runs)[0].run_id
    _results(runs, first, curves=True)
    assert capsys.readouterr().out.splitlines() == [
        "run,metric,step,value",
        f"{first},loss,1,2.0",
        f"{first},loss,2.5,0.1",
        f"{first},'@acc,2.5,NaN",
        f"{first},lr,2.5,7.0",
    ]
    _results(runs, first, curves=True, format="jsonl")
    third = json.loads(capsys.readouterr().out.splitlines()[2])
    assert third == {"run": first, "metric": "@acc", "step": 2.5, "value": "NaN"}
    with pytest.raises(InvalidRequest, match="not possible here"):
        _results(runs, first, curves=True, format="md")
    with pytest.raises(InvalidRequest, match="exclude each other"):
        _results(runs, first, curves=True, by=["seed"])


def test_importance_says_what_it_is_and_over_how_many_runs(
    ws: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [{"lr": lr, "opt": opt, "seed": 1} for lr in (0.1, 0.2, 0.3) for opt in ("a", "b")]
    jobs = measured.enqueue(ws, given, objective=("loss", "minimize"), name="lm")
    for place, job in enumerate(jobs):
        measured.end(ws, job, "succeeded", primary=("loss", float(place)))
    assert _results(ws, "lm", importance=True, format="json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["data"]["runs"]) == ("runforge.importance/1", 6)
    found = {each["parameter"]: each for each in document["data"]["parameters"]}
    # Places 0..5 with ranks 1.5 1.5 3.5 3.5 5.5 5.5 of lr: 16 / sqrt(16 * 17.5).
    assert found["lr"]["importance"] == pytest.approx(16 / math.sqrt(16 * 17.5))
    assert (found["lr"]["kind"], found["opt"]["kind"], found["opt"]["may_be_chance"]) == (
        "rank",
        "ratio",
        True,
    )
    assert found["opt"]["importance"] == pytest.approx(math.sqrt(1.5 / 17.5))
    assert _results(ws, importance=True, format="table") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["PARAMETER", "IMPORTANCE", "RUNS", "REMARK"]
    assert out.splitlines()[1].split() == ["lr", "+0.96", "6"]
    assert "rank correlation with loss over 6 runs" in err
    assert _results(ws, "lm", importance=True, format="csv") == 0
    assert [row["parameter"] for row in _rows(capsys.readouterr().out)] == ["lr", "opt"]
    for other in ({"by": ["seed"]}, {"top": 3}, {"curves": True}, {"where": "lr=1"}, {"sort": "loss"}):
        with pytest.raises(InvalidRequest, match="--importance and --"):
            _results(ws, "lm", importance=True, **other)
    with pytest.raises(InvalidRequest, match="one group, not 2"):
        _results(ws, "lm", "lm", importance=True)


def test_a_file_gets_the_format_of_its_name_and_is_whole_or_unchanged(
    runs: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.csv"
    _results(runs, output_file=path)
    assert capsys.readouterr().out == ""
    with path.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    before = path.read_bytes()
    (runs.root / lists.jobs(runs)[0].run_dir / "metrics.jsonl").unlink()
    with pytest.raises(InvalidRequest):
        _results(runs, output_file=path, sort="nothing")
    with pytest.raises(AttributeError):
        _write_half(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["out.csv"]
    with pytest.raises(OperationFailed, match="cannot be written"):
        _results(runs, output_file=tmp_path / "gone" / "x.csv")


def _write_half(path: Path) -> None:
    with result_formats.target(path) as stream:
        stream.write("half")
        result_formats.write_csv(stream, None)  # type: ignore[arg-type]


def test_comparing_shows_only_what_differs(runs: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    other = measured.enqueue(
        runs, [{"lr": 0.1, "seed": 1}], command=["python", "other.py", "{args}"], name="b"
    )
    compare([lists.jobs(runs)[0].run_id, other[0].run_id], runs.root, None, diff=False, as_json=True)
    data = json.loads(capsys.readouterr().out)["data"]
    found = {(d["section"], d["name"]): d["values"] for d in data["differences"]}
    assert [run["number"] for run in data["runs"]] == [1, other[0].number]
    assert set(found) == {
        *(("parameter", "note"), ("run", "command"), ("outcome", "state"), ("outcome", "seconds")),
        *(("metric", "loss"), ("metric", "@acc"), ("metric", "lr")),
    }
    assert found["parameter", "note"] == [_EVIL, None]
    assert found["metric", "@acc"] == ["NaN", None]
    assert found["outcome", "state"] == ["succeeded", "queued"]
    compare(["1", "2"], runs.root, None, diff=False, as_json=False)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [["parameter", "seed"], ["metric", "loss"]]
    compare(["1", "2"], runs.root, "md", diff=False, as_json=False)
    assert "| metric loss | 0.1000 | 1.00e-05 |" in capsys.readouterr().out
    compare(None, runs.root, None, diff=False, as_json=True)
    data = json.loads(capsys.readouterr().out)["data"]
    assert [run["number"] for run in data["runs"]] == [4, 5]
    for wrong in (["1"], ["1", "1"]):
        with pytest.raises(InvalidRequest):
            compare(wrong, runs.root, None, diff=False, as_json=False)


def test_environments_are_compared_and_secrets_are_not_shown(
    runs: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = lists.jobs(runs)[:2]
    usual = {"PATH": "/bin", "API_KEY": "one", "SAME_TOKEN": "x"}
    one = measured.keep_environment(runs, usual, first)
    other = measured.keep_environment(runs, {**usual, "PATH": "/opt", "API_KEY": "two", "NEW": ""}, second)
    compare(["1", "2"], runs.root, None, diff=False, as_json=True)
    data = json.loads(capsys.readouterr().out)["data"]
    found = {d["name"]: d["values"] for d in data["differences"] if d["section"] == "environment"}
    assert found == {
        "id": [one.stem[:12], other.stem[:12]],
        "PATH": ["/bin", "/opt"],
        "NEW": [None, ""],
        "API_KEY": ["********", "********"],
    }


def test_the_commands_are_typed_like_this(runs: Workspace, cli: Any) -> None:
    place = ("--workspace", runs.root)
    done = cli("results", "=lm", "3", "--sort", "loss:max", "--top", "1", "--format", "csv", *place)
    assert (done.returncode, [row["run_id"] for row in _rows(done.stdout)]) == (
        0,
        [lists.jobs(runs)[3].run_id],
    )
    assert cli("compare", "1", "2", *place).returncode == 0
    wrong = cli("results", "--format", "xls", *place)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
