"""The last, smallest and largest values of metrics, whatever stands in the file."""

from __future__ import annotations

import json
import math
from pathlib import Path

from runforge.metrics.points import Point
from runforge.metrics.statistics import Measured, of_points, of_run, values_of


def _of(*values: float) -> Measured:
    return of_points(Point("m", None, value) for value in values)["m"]


def test_nan_is_a_last_value_and_no_smallest_or_largest() -> None:
    assert _of(2.0, 1.0, 3.0) == (3.0, 1.0, 3.0)
    assert math.isnan(_of(2.0, math.nan).last)
    assert _of(math.nan, 2.0) == (2.0, 2.0, 2.0)
    assert _of(1.0, -math.inf, 2.0) == (2.0, -math.inf, 2.0)
    assert all(map(math.isnan, _of(math.nan, math.nan)))


def test_a_file_of_any_lines_gives_its_values(tmp_path: Path) -> None:
    assert list(values_of(tmp_path)) == []
    lines = [
        b'{"loss": 0.5, "step": 1}',
        b"garbage \xff",
        b'{"name": "acc", "value": "NaN"}',
        b'{"loss": 0.25}',
    ]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines))
    assert [(name, step) for name, step, _ in values_of(tmp_path)] == [("loss", 1), ("acc", 0), ("loss", 2)]
    assert of_run(tmp_path)["loss"] == (0.25, 0.25, 0.5)
    (tmp_path / "metrics.jsonl").write_bytes(b'{"loss": 0.5}\n{"loss": 0.')
    assert of_run(tmp_path) == {"loss": (0.5, 0.5, 0.5)}


def test_a_value_without_a_step_is_one_after_the_last_of_its_metric(tmp_path: Path) -> None:
    lines = [{"a": 1.0}, {"b": 1.0, "step": 7}, {"a": 2.0}, {"b": 2.0}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(values_of(tmp_path)) == [("a", 0, 1.0), ("b", 7, 1.0), ("a", 1, 2.0), ("b", 8, 2.0)]
