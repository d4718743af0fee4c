"""The last, smallest and largest values of metrics, whatever stands in the file."""

from __future__ import annotations

import math
from pathlib import Path

from runforge.metrics.points import Point
from runforge.metrics.statistics import Measured, of_points, points_of, with_steps


def _of(*values: float) -> Measured:
    return of_points(Point("m", None, value) for value in values)["m"]


def test_nan_is_a_last_value_and_no_smallest_or_largest() -> None:
    assert _of(2.0, 1.0, 3.0) == (3.0, 1.0, 3.0)
    assert math.isnan(_of(2.0, math.nan).last)
    assert _of(math.nan, 2.0) == (2.0, 2.0, 2.0)
    assert _of(1.0, -math.inf, 2.0) == (2.0, -math.inf, 2.0)
    assert all(map(math.isnan, _of(math.nan, math.nan)))


def test_a_file_of_any_lines_gives_its_points(tmp_path: Path) -> None:
    assert list(points_of(tmp_path)) == []
    lines = [
        b'{"loss": 0.5, "step": 1}',
        b"garbage \xff",
        b'{"name": "acc", "value": "NaN"}',
        b'{"loss": 0.25}',
    ]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines))
    assert [point.name for point in points_of(tmp_path)] == ["loss", "acc", "loss"]
    (tmp_path / "metrics.jsonl").write_bytes(b'{"loss": 0.5}\n{"loss": 0.')
    assert [point.value for point in points_of(tmp_path)] == [0.5]


def test_a_point_without_a_step_is_one_after_the_last_of_its_metric() -> None:
    points = [Point("a", None, 1.0), Point("b", 7.0, 1.0), Point("a", None, 2.0), Point("b", None, 2.0)]
    assert [(name, step) for name, step, _ in with_steps(points)] == [("a", 0), ("b", 7), ("a", 1), ("b", 8)]
