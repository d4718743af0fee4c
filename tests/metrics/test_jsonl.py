"""Lines of metrics.jsonl, and a file that is too large to be read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runforge.metrics import jsonl
from runforge.metrics.points import Point


@pytest.mark.parametrize(
    ("line", "points"),
    [
        ('{"name": "loss", "value": 0.5, "step": 1}', [("loss", 1, 0.5)]),
        ('{"name": "loss", "value": 0.5}', [("loss", None, 0.5)]),
        ('{"step": 3, "loss": 0.5, "acc": 1}', [("loss", 3, 0.5), ("acc", 3, 1)]),
        ('{"epoch": 0.5, "loss": 2}', [("loss", 0.5, 2)]),
        ('{"epoch": 1, "global_step": 70, "loss": 2}', [("loss", 70, 2)]),
        ('{"step": "x", "loss": 2, "note": "text", "ok": true, "deep": {"a": 1}}', [("loss", None, 2)]),
        ('{"step": 1, "loss": 2, "val": null}', [("loss", 1, 2)]),
        ('{"name": "a\\u0000b", "value": 1}\r', [("a\\x00b", None, 1)]),
        ('{"name": " top5 % ", "value": 1}', [("top5 %", None, 1)]),
        ('{"name": "run 7", "loss": 1}', [("loss", None, 1)]),
        ('{"step": NaN, "loss": 1}', [("loss", None, 1)]),
        ('{"name": "", "value": 1}', []),
        ('{"name": "%s", "value": 1}' % ("x" * 257), []),
        ('{"name": "loss", "value": "0.5"}', []),
        ('{"step": 1}', []),
        ("{}", []),
        ("0.5", []),
    ],
)
def test_what_a_metric_line_is(line: str, points: list[tuple[str, float | None, float]]) -> None:
    assert jsonl.parse(line.encode()) == points


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0.5"])
def test_what_is_written_is_valid_json_and_read_again(value: str) -> None:
    line = jsonl.encode(Point("loss", 2.0, float(value)), "now")
    assert "NaN" not in json.loads(line, parse_constant=pytest.fail)
    (found,) = jsonl.parse(line)
    assert (found.name, found.step, str(found.value)) == ("loss", 2, value)


def test_of_a_huge_file_the_ends_are_read_and_the_rest_is_told(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": i, "loss": i}) + "\n" for i in range(10_000)))
    with path.open("a") as more:
        more.write('{"late": 1}')
    last = jsonl.read_last(path, 2000)
    assert {name: point.value for name, point in last.points.items()} == {"loss": 9999, "late": 1}
    unread = path.stat().st_size - 2000
    assert list(last.sentences()) == [
        f"{unread:,} bytes in the middle of metrics.jsonl were not read: it is too large"
    ]
