"""The same bytes give the same metrics to every reader: curves, last values, progress, result.json."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.documents.result import build_result
from runforge.metrics import jsonl
from runforge.metrics.last_values import RunValues
from runforge.metrics.points import Point
from runforge.metrics.printed import PrintedMetrics
from runforge.metrics.progress import tail_progress
from runforge.metrics.run_curves import RunCurves, read_curves

NAMES = st.one_of(st.sampled_from(["loss", "val/loss", "acc", "step", "value", "name"]), st.text(max_size=4))
VALUES = st.one_of(
    st.floats(), st.integers(-(10**20), 10**20), st.sampled_from([None, True, "nan", "x", 10**400, []])
)
LINES = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4).map(json.dumps).map(str.encode),
    st.fixed_dictionaries({"name": NAMES, "value": VALUES, "step": VALUES}).map(json.dumps).map(str.encode),
    st.sampled_from([b"", b" \r", b"{", b"[]", b"\xff", b'{"loss": 1}{"loss": 2}', b"\xef\xbb\xbf{}"]),
    st.binary(max_size=20),
)
FILES = st.lists(LINES, max_size=12).map(b"\n".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


def last_of_curves(path: Path) -> dict[str, float]:
    return {name: curve.values[-1] for name, curve in read_curves(path).items()}


@given(FILES, st.booleans())
def test_all_readers_see_the_same(folder: Path, content: bytes, ends: bool) -> None:
    path = folder / "metrics.jsonl"
    path.write_bytes(content + b"\n" * ends)
    found = RunValues(folder)
    last = found.last
    assert repr(last_of_curves(folder)) == repr(last)
    file = RunCurves(folder)
    while file.refresh():
        pass
    if ends:  # otherwise the last line may be torn and still grow
        assert file.sentences() == list(found.sentences())
    progress = tail_progress(folder)
    assert (progress is None) == (not last)
    if progress is not None:
        assert repr(last[str(progress.metric)]) == repr(progress.value)
    check_result(last)


def check_result(last: dict[str, float]) -> None:
    first = next(iter(last.items()), None)
    document: dict[str, Any] = build_result(
        status="succeeded",
        started_at="",
        finished_at="",
        duration_ms=1,
        effective_config=None,
        primary_metric=first,
        metrics=last,
    )
    assert list(json.loads(json.dumps(document, allow_nan=False))["last_values"]) == list(last)
    summary = document["summary"]
    if summary is not None:
        assert summary["metrics"] == {name: value for name, value in last.items() if math.isfinite(value)}
    else:
        assert first is None or document["diverged"]["metric"] == first[0]


@given(FILES, st.data())
def test_how_a_file_grows_does_not_matter(content: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    edges = [0, *cuts, len(content)]
    whole, grown = jsonl.PointReader(), jsonl.PointReader()
    expected = [*whole.feed(content), *whole.finish()]
    found: list[Point] = []
    for start, end in itertools.pairwise(edges):
        found += grown.feed(content[start:end])
    found += grown.finish()
    assert repr(found) == repr(expected)
    assert list(grown.sentences()) == list(whole.sentences())


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30),
    st.floats(),
)
def test_a_printed_metric_is_read_from_the_file_as_it_was_printed(name: str, value: float) -> None:
    reader = PrintedMetrics()
    points = [*reader.feed(f"[RF:METRIC={name} {value!r} step=3]\n".encode()), *reader.finish()]
    again = [point for made in points for point in jsonl.parse(jsonl.encode(made, "now"))]
    assert repr(again) == repr(points)
    assert len(points) + reader.rejected.count == 1
