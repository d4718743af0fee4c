"""Metrics as a run reports them, and as a hostile one might."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runforge.metrics.curves import Curve, CurveFile, Progress, read_curves, related, tail_progress


def test_both_shapes_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"name": "loss", "value": 0.5, "step": 1, "at": "x"}\n'
        '{"step": 2, "loss": 0.25, "acc": 1, "note": "x", "deep": {"a": 1}}\n'
        '{"name": "loss", "value": 0.125}\n'
    )
    assert read_curves(path) == {
        "loss": Curve("loss", [1, 2, 3], [0.5, 0.25, 0.125]),
        "acc": Curve("acc", [2], [1]),
    }


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[1, 2]",
        b'{"name": "x", "value": NaN}',
        b'{"name": "x", "value": 1e999}',
        b'{"name": "x", "value": true}',
        b'{"name": "x", "value": "1"}',
        b'{"name": 1, "value": 1}'.replace(b'"value": 1', b'"value": null'),
        b'{"x": ' + b"9" * 400 + b"}",
        b"[" * 100_000,
        b'{"x": "' + b"y" * 70_000 + b'", "z": 1}',
        b"\xff\xfe",
        b"",
    ],
)
def test_lines_that_are_no_metrics_are_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    assert read_curves(path)["a"].values == [1, 2]
    assert "x" not in read_curves(path)


def test_a_torn_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    curves = CurveFile(path)
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
        out.writelines(json.dumps({f"m{i}": 1}) + "\n" for i in range(200))
    curves = read_curves(path)
    assert len(curves) == 64
    assert 50_000 <= len(curves["loss"].steps) <= 100_000
    assert curves["loss"].steps[-1] == 149_999


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


def test_metrics_of_both_sides_of_the_data_belong_together() -> None:
    found = related(["test_loss", "train_loss", "loss", "val/acc", "trainer", "test_"])
    assert found == {
        "loss": ["loss", "test_loss", "train_loss"],
        "test_": ["test_"],
        "trainer": ["trainer"],
        "acc": ["val/acc"],
    }
