"""Metric tokens as people print them: after bars, in loggers' lines, with odd names, and nearly right."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.metrics.points import Point
from runforge.metrics.printed import PrintedMetrics


def read(*pieces: bytes) -> tuple[list[Point], int]:
    reader = PrintedMetrics()
    points = [point for piece in pieces for point in reader.feed(piece)]
    points += reader.finish()
    return points, reader.rejected.count


@pytest.mark.parametrize(
    ("line", "points"),
    [
        ("[RF:METRIC=loss 0.5 step=1]", [("loss", 1, 0.5)]),
        ("[RF:METRIC=loss 0.5]", [("loss", None, 0.5)]),
        ("  [RF:METRIC=loss 0.5 epoch=1]\r\n", [("loss", 1, 0.5)]),
        ("[RF:METRIC=mAP@0.5 0.5 step=1]", [("mAP@0.5", 1, 0.5)]),
        ("[RF:METRIC=mAP@[IoU=0.5] 0.5 step=1]", [("mAP@[IoU=0.5]", 1, 0.5)]),
        ("[RF:METRIC=top5% 0.5 step=1]", [("top5%", 1, 0.5)]),
        ("[RF:METRIC=5shot_acc .5 step=1e2]", [("5shot_acc", 100, 0.5)]),
        ("[RF:METRIC=val loss 2 0.5 step=0.33]", [("val loss 2", 0.33, 0.5)]),
        ("[RF:METRIC=Präzision -1e-3 step=7 epoch=1]", [("Präzision", 7, -0.001)]),
        ("epoch 1: 100%|###| 5/5[RF:METRIC=loss 1.0 step=1]", [("loss", 1, 1)]),
        ("\repoch 1:  20%\repoch 1: 100%[RF:METRIC=loss 1.0 step=1]\repoch 2", [("loss", 1, 1)]),
        ("12:00:01 INFO train: [RF:METRIC=loss 1 step=1] done", [("loss", 1, 1)]),
        ("[RF:METRIC=a 1] [RF:METRIC=b 2]", [("a", None, 1), ("b", None, 2)]),
        ("\x1b[1m[RF:METRIC=loss \x1b[36m0.5\x1b[0m step=\x1b[36m1\x1b[0m]\x1b[0m", [("loss", 1, 0.5)]),
    ],
)
def test_tokens_are_found_wherever_they_stand(line: str, points: list[tuple[str, float, float]]) -> None:
    assert read(line.encode()) == (points, 0)


@pytest.mark.parametrize(
    ("text", "value"), [("nan", "nan"), ("-Infinity", "-inf"), ("inf", "inf"), ("1e999", "inf")]
)
def test_nan_and_infinity_are_values(text: str, value: str) -> None:
    points, rejected = read(f"[RF:METRIC=loss {text} step=1]".encode())
    assert ([(p.name, p.step, str(p.value)) for p in points], rejected) == ([("loss", 1, value)], 0)


@pytest.mark.parametrize(
    "line",
    [
        "[RF:METRIC=loss np.float64(0.5) step=1]",
        "[RF:METRIC=loss 0,5]",
        "[RF:METRIC=loss=0.5]",
        "[RF:METRIC=loss 0.5 step=nan_]",
        "[RF:METRIC=loss 0.5 batch=1]",
        "[RF:METRIC=loss 0.5",
        "[rf:metric=loss 0.5]",
        "[RF: METRIC=loss 0.5]",
        "[RF:METRIC=   0.5]",
        f"[RF:METRIC={'x' * 300} 0.5]",
    ],
)
def test_what_looks_like_a_token_and_is_none_is_counted(line: str) -> None:
    assert read(f"before {line}\nafter\n".encode()) == ([], 1)


def test_other_output_is_not_looked_at_twice() -> None:
    assert read(b"metrics: loss 0.5\nMETRIC\n[RF:EPOCH=1/2]\n" * 100) == ([], 0)


def test_a_bar_that_never_ends_its_line_hides_nothing() -> None:
    bar = b"".join(b"\rmetric bar %06d" % number for number in range(20_000))
    assert read(bar, b"[RF:METRIC=loss 1 step=1]\n") == ([("loss", 1, 1)], 0)
    long = b"metric " * 30_000
    assert read(long, b"[RF:METR", b"IC=loss 1 step=1]\n") == ([("loss", 1, 1)], 0)


PIECES = st.sampled_from(
    [
        *(b"[RF:METRIC=", b"loss", b"mAP@[0.5]", b" ", b"0.5", b"nan", b"]", b" step=", b"7", b"\n", b"\r"),
        *(b"[RF:METRIC=loss 0.5 step=1]", b"\x1b[0m", b"epoch 1: 20%", "é".encode(), b"\xff", b"[rf:metric"),
    ]
)


@given(st.lists(PIECES, max_size=40).map(b"".join), st.data())
def test_how_output_is_cut_into_pieces_does_not_matter(output: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=8)))
    edges = [0, *cuts, len(output)]
    pieces = [output[start:end] for start, end in itertools.pairwise(edges)]
    assert repr(read(*pieces)) == repr(read(output))


@given(st.binary(max_size=300))
def test_any_bytes_do_no_harm(output: bytes) -> None:
    read(output)
