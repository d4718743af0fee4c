"""Metrics as a run reports them, and as a hostile one might."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runforge.metrics import curves as curves_module
from runforge.metrics.curves import Curve, related
from runforge.metrics.progress import Progress, tail_progress
from runforge.metrics.run_curves import RunCurves, read_curves


def test_both_shapes_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"name": "loss", "value": 0.5, "step": 1, "at": "x"}\n'
        '{"step": 2, "loss": 0.25, "acc": 1, "note": "x", "deep": {"a": 1}}\n'
        '{"name": "loss", "value": 0.125}\n'
    )
    assert read_curves(tmp_path) == {
        "loss": Curve("loss", [1, 2, 3], [0.5, 0.25, 0.125]),
        "acc": Curve("acc", [2], [1]),
    }


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[1, 2]",
        b'{"name": "x", "value": true}',
        b'{"name": "x", "value": "1"}',
        b'{"name": 1, "value": 1}',
        b'{"x": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"x": "' + b"y" * 70_000 + b'", "z": 1}',
        b"\xff\xfe",
        b"",
    ],
)
def test_lines_that_are_no_metrics_are_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    assert read_curves(tmp_path)["a"].values == [1, 2]
    assert "x" not in read_curves(tmp_path)


def test_a_torn_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    curves = RunCurves(tmp_path)
    assert not curves.refresh()
    path.write_text('{"a": 1}\n{"a"')
    assert curves.refresh()
    assert curves.curves()["a"].values == [1]
    with path.open("a") as more:
        more.write(": 2}\n")
    assert curves.refresh()
    assert curves.curves()["a"].values == [1, 2]
    path.write_text('{"b": 3}\n')
    assert curves.refresh()
    assert list(curves.curves()) == ["b"]


def test_many_points_and_many_metrics_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("w") as out:
        out.writelines(json.dumps({"loss": i, "step": i}) + "\n" for i in range(150_000))
        out.writelines(json.dumps({f"m{i}": 1}) + "\n" for i in range(1200))
    file = RunCurves(tmp_path)
    while file.refresh():
        pass
    curves = file.curves()
    assert len(curves) == 1000
    assert file.sentences() == ["201 values were left out: the run has more than 1,000 metrics: first: m999"]
    assert 50_000 <= len(curves["loss"].steps) <= 100_000
    assert curves["loss"].steps[-1] == 149_999


def test_all_curves_together_are_bounded_and_keep_their_last_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves_module, "MOST_IN_ALL", 1000)
    path = tmp_path / "metrics.jsonl"
    with path.open("w") as out:
        out.writelines(json.dumps({"step": i, **{f"m{k}": i for k in range(20)}}) + "\n" for i in range(501))
    curves = read_curves(tmp_path)
    assert sum(len(curve.steps) for curve in curves.values()) <= 1000
    assert {curve.values[-1] for curve in curves.values()} == {500}


def test_a_last_line_without_its_end_is_drawn_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}')
    assert read_curves(tmp_path)["a"].values == [1, 2]


def test_nan_and_infinity_are_values(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": NaN}\n{"a": "-Infinity"}\n{"name": "a", "value": 1e999}\n')
    assert [str(value) for value in read_curves(tmp_path)["a"].values] == ["nan", "-inf", "inf"]


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('{"a": 1}\n')
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "fifo")
    assert read_curves(tmp_path / "link") == {}
    assert read_curves(tmp_path / "fifo") == {}


def test_progress_is_what_was_said_last(tmp_path: Path) -> None:
    assert tail_progress(tmp_path) is None
    (tmp_path / "logs.txt").write_text("x" * 20_000 + "\n[RF:EPOCH=3/10]\n[RF:EPOCH=4/10]\nmore\n")
    assert tail_progress(tmp_path) == Progress(4, 10, None, None)
    (tmp_path / "metrics.jsonl").write_text('{"loss": 0.5}\n{"name": "acc", "value": 0.75, "step": 4}\n{"tor')
    assert tail_progress(tmp_path) == Progress(4, 10, "acc", 0.75)


def test_progress_is_found_before_much_of_a_bar_and_in_wide_lines(tmp_path: Path) -> None:
    bar = "".join(f"\repoch 4: {i}/5000 [loss=0.44]" for i in range(3000))
    (tmp_path / "logs.txt").write_text(f"[RF:EPOCH=3/10]\n{bar}")
    wide = {f"layer{i}": i / 7 for i in range(900)}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1, **wide, "last": 0.5}) + "\n")
    assert tail_progress(tmp_path) == Progress(3, 10, "last", 0.5)


@pytest.mark.parametrize(
    ("log", "progress"),
    [
        ("Epoch 3/10\n", Progress(3, 10, None, None)),
        ("Epoch [3/10], loss 0.5\n", Progress(3, 10, None, None)),
        ("iter 10/500\n", Progress(None, None, None, None, 10, 500)),
        ("Epoch 1/2\n 20%|##   | 10/50 [00:01<00:04]\r", Progress(1, 2, None, None, 10, 50)),
        ("\repoch 4:  123/5000 [00:00<00:09, 12.3it/s]", Progress(None, None, None, None, 123, 5000)),
        ("loss: 0.5\n", Progress(None, None, "loss", 0.5)),
        ("[1]\ttrain-rmse:0.5\tval-rmse:0.7\n", Progress(None, None, "val-rmse", 0.7)),
    ],
)
def test_progress_of_a_script_that_knows_nothing_of_runforge(
    tmp_path: Path, log: str, progress: Progress
) -> None:
    (tmp_path / "logs.txt").write_text(log)
    assert tail_progress(tmp_path) == progress


def test_how_much_is_done() -> None:
    assert Progress(3, 10, None, None).share == 0.3
    assert Progress(None, None, None, None, 10, 40).share == 0.25
    assert Progress(None, None, "loss", 0.5).share is None
    assert Progress(12, 10, None, None).share == 1


def test_metrics_of_both_sides_of_the_data_belong_together() -> None:
    found = related(["test_loss", "train_loss", "loss", "val/acc", "trainer", "test_"])
    assert found == {
        "loss": ["loss", "test_loss", "train_loss"],
        "test_": ["test_"],
        "trainer": ["trainer"],
        "acc": ["val/acc"],
    }
