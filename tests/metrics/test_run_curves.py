"""Metrics of a run from several sources: which one counts, under which name, and how files continue each other."""

from __future__ import annotations

import os
from pathlib import Path

from runforge.metrics.run_curves import RunCurves, read_curves
from runforge.metrics.sources import listed
from runforge.metrics.sources.listed import CHANGED, NAMED, Source
from tests.metrics.kit import last, list_files, read_all


def table(path: Path, **values: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join(["step", *values]), ",".join(["1", *map(str, values.values())])]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_what_the_run_reports_itself_comes_first(tmp_path: Path) -> None:
    list_files(tmp_path, table(tmp_path / "results.csv", loss=1, acc=2))
    (tmp_path / "logs.txt").write_text("[1]\tloss:3\tauc:4\n")
    (tmp_path / "metrics.jsonl").write_text('{"name": "loss", "value": 0}\n')
    assert last(tmp_path) == {"loss": 0, "acc": 2, "auc": 4}
    origins = {name: origin.source.path for name, origin in read_all(tmp_path).origins().items()}
    assert origins == {"loss": "metrics.jsonl", "acc": str(tmp_path / "results.csv"), "auc": "logs.txt"}


def test_a_named_file_comes_before_found_ones(tmp_path: Path) -> None:
    list_files(tmp_path, table(tmp_path / "results.csv", loss=1))
    list_files(tmp_path, table(tmp_path / "a" / "history.csv", loss=2), by=NAMED)
    assert last(tmp_path) == {"a/loss": 2, "loss": 1}
    assert next(iter(read_curves(tmp_path))) == "a/loss"


def test_plain_lines_count_only_if_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text("seed: 42\nloss: 0.5\n")
    assert last(tmp_path) == {"seed": 42, "loss": 0.5}
    assert read_all(tmp_path).primary() == "loss"
    (tmp_path / "metrics.jsonl").write_text('{"name": "x", "value": 1}\n')
    assert last(tmp_path) == {"x": 1}


def test_plain_lines_hide_no_other_source(tmp_path: Path) -> None:
    state = tmp_path / "checkpoint-8" / "trainer_state.json"
    state.parent.mkdir()
    state.write_text('{"log_history": [{"step": 8, "loss": 0.25}]}')
    list_files(tmp_path, state)
    (tmp_path / "logs.txt").write_text("loss: 0.5\n")
    assert last(tmp_path) == {"loss": 0.25}


def test_a_number_of_unknown_meaning_is_no_main_metric(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text("seed: 42\n")
    assert read_all(tmp_path).primary() is None
    (tmp_path / "metrics.jsonl").write_text('{"name": "things", "value": 1}\n')
    assert read_all(tmp_path).primary() == "things"


def test_the_log_does_not_count_if_nobody_wants_it_or_a_pattern_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text("[1]\tloss:0.5\nacc=7\n")
    curves = read_all(tmp_path)
    assert list(curves.curves()) == ["loss"]
    with (tmp_path / listed.NAME).open("ab") as out:
        out.write(listed.encode(pattern=r"(?P<name>\w+)=(?P<value>\d+)"))
        out.flush()
        while curves.refresh():
            pass
        assert list(curves.curves()) == ["acc"]
        assert last(tmp_path) == {"acc": 7}
        out.write(listed.encode(log=False))
    assert last(tmp_path) == {}


def test_files_of_several_folders_have_the_folders_names_and_those_of_one_continue(tmp_path: Path) -> None:
    for folder, step in (("a", 1), ("b", 1), ("a", 2)):
        path = tmp_path / "logs" / folder / "results.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.with_name("history.csv") if step == 2 else path
        other.write_text(f"step,loss\n{step},{step}\n")
        list_files(tmp_path, other)
    assert last(tmp_path) == {"a/loss": 2, "b/loss": 1}
    assert read_curves(tmp_path)["a/loss"].steps == [1, 2]


def test_an_attempt_that_goes_on_has_the_points_of_the_one_before(tmp_path: Path) -> None:
    for attempt, steps in ((1, range(5)), (2, range(3, 7)), (None, range(6, 9))):
        folder = tmp_path / "previous" / str(attempt) if attempt else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{{"step": {step}, "loss": {attempt or 3}}}\n' for step in steps]
        (folder / "metrics.jsonl").write_text("".join(lines))
    curve = read_curves(tmp_path)["loss"]
    assert curve.steps == list(range(9))
    assert curve.values == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert last(tmp_path) == {"loss": 3}


def test_an_attempt_that_starts_over_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "previous" / "1").mkdir(parents=True)
    (tmp_path / "previous" / "1" / "metrics.jsonl").write_text(
        '{"step": 0, "loss": 9}\n{"step": 1, "loss": 9}\n'
    )
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "loss": 5}\n')
    assert read_curves(tmp_path)["loss"].values == [5]


def test_a_source_that_joins_later_is_read(tmp_path: Path) -> None:
    curves = RunCurves(tmp_path)
    assert not curves.refresh()
    list_files(tmp_path, table(tmp_path / "results.csv", loss=1), by=CHANGED)
    assert curves.refresh()
    assert list(curves.curves()) == ["loss"]
    os.unlink(tmp_path / "results.csv")
    curves.refresh()
    assert list(curves.curves()) == ["loss"]


def test_doubtful_files_are_told(tmp_path: Path) -> None:
    with (tmp_path / listed.NAME).open("ab") as out:
        out.write(listed.encode(doubtful="/x/results.csv") + listed.encode(doubtful="/y/results.csv"))
    (said,) = read_all(tmp_path).sentences()
    assert said.startswith(
        "2 files could be this run's, or another one's of the same folder: /x/results.csv;"
    )


def test_a_list_of_sources_that_is_damaged_or_hostile_does_no_harm() -> None:
    good = Source("/a/results.csv", "table", "open")
    lines = [
        b"",
        b"5",
        b"{",
        b"[" * 99_999,
        b'{"path": 5, "kind": "table"}',
        b'{"path": "relative", "kind": "table"}',
        b'{"path": "/a\\u0000b", "kind": "table"}',
        b'{"path": "/a", "kind": "pickle"}',
        b'{"path": "/a", "kind": ["table"]}',
        b'{"path": "/\\ud800", "kind": "table"}',
        b'{"pattern": "("}',
        b'{"log": "no"}',
        listed.encode(file=good).strip(),
        b'{"path": "/torn", "kind": "table"}',
    ]
    assert listed.parse(b"\n".join(lines)) == listed.Sources((good,))
    many = b"".join(listed.encode(file=good._replace(path=f"/{n}/results.csv")) for n in range(500))
    assert len(listed.parse(many).files) == 64


def test_the_main_metric_is_measured_on_held_out_data_if_the_run_says_nothing(tmp_path: Path) -> None:
    list_files(tmp_path, table(tmp_path / "results.csv", lr=1, loss=1, val_loss=2, val_acc=3))
    assert read_all(tmp_path).primary() == "val_loss"


def test_a_run_that_made_room_fifty_times_has_one_curve(tmp_path: Path) -> None:
    for attempt in range(51):
        folder = tmp_path / "previous" / str(attempt + 1) if attempt < 50 else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{{"name": "loss", "value": {step}, "step": {step}}}\n' for step in _steps(attempt)]
        (folder / "metrics.jsonl").write_text("".join(lines))
    curve = read_curves(tmp_path)["loss"]
    assert list(curve.steps) == list(range(153))


def _steps(attempt: int) -> range:
    return range(3 * attempt, 3 * attempt + 3)
