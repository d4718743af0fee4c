"""Lines of a log that count as metrics although the run knows nothing of RunForge."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runforge.metrics.patterns import LogReader, PatternReader, compiled
from runforge.metrics.points import Point


def read(*pieces: bytes) -> list[Point]:
    reader = LogReader()
    return [point for piece in (*pieces, b"\n") for point in reader.feed(piece)]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{'loss': '0.6931', 'epoch': '0.25'}", [("loss", 0.25, 0.6931)]),
        (
            "{'loss': 0.5, 'learning_rate': 5e-05, 'epoch': 1.0}",
            [("loss", 1, 0.5), ("learning_rate", 1, 5e-5)],
        ),
        (" 10%|# | 1/9 [00:01<00:02, 1it/s]{'loss': 2.0, 'epoch': 1}", [("loss", 1, 2)]),
        ("[12]\ttrain-rmse:0.51\teval-rmse:0.6", [("train-rmse", 12, 0.51), ("eval-rmse", 12, 0.6)]),
        ("[12]\ttrain-auc:0.5+0.01\ttest-auc:0.6+0.1", [("train-auc", 12, 0.5), ("test-auc", 12, 0.6)]),
        (
            "[10]\tvalid_1's l2: 0.25\tvalid_1's auc: 1",
            [("valid_1's l2", 10, 0.25), ("valid_1's auc", 10, 1)],
        ),
        (
            "7:\tlearn: 0.51\ttest: 0.61\tbest: 0.6 (5)\ttotal: 4ms\tremaining: 5s",
            [("learn", 7, 0.51), ("test", 7, 0.61), ("best", 7, 0.6)],
        ),
        (
            "Epoch 3/10\n10/10 - 0s - 5ms/step - loss: 0.43 - val_loss: 0.12",
            [("loss", 3, 0.43), ("val_loss", 3, 0.12)],
        ),
        ("Epoch 3/10\r 9/10 ━━ 0s 5ms/step - loss: 0.5\r10/10 ━━ 0s - loss: 0.4", [("loss", 3, 0.4)]),
        ("Epoch 1/2\n9/10 0s - loss: 0.5\x08\x08\x0810/10 0s - loss: 0.4", [("loss", 1, 0.4)]),
        (
            "lr=0.1 batch=32\nEpoch 2/30\ntrain_loss=0.5 val_loss=6e-1",
            [("train_loss", 2, 0.5), ("val_loss", 2, 0.6)],
        ),
        ("Epoch 2/30\nloss=0.5, acc=0.9", [("loss", 2, 0.5), ("acc", 2, 0.9)]),
        ("Epoch 3/30: loss=0.5 | acc=0.9", [("loss", 3, 0.5), ("acc", 3, 0.9)]),
        ("lr=0.1 batch=32\nstep=7 loss=0.5\nloss=0.4", [("loss", 7, 0.5), ("loss", 7, 0.4)]),
        ("loss=0.5, step=7", [("loss", 7, 0.5)]),
        ("Epoch 3/30: step=70 loss=0.5", [("loss", 70, 0.5)]),
        ("step=nan loss=0.5", []),
        ("\x1b[32mloss: 0.41\x1b[0m", [("loss", None, 0.41)]),
        ("loss: 0.41 (step 7)", [("loss", 7, 0.41)]),
        ("step: 7\nloss: 0.41\nval/acc@1: 1e-3", [("loss", 7, 0.41), ("val/acc@1", 7, 0.001)]),
    ],
)
def test_what_tools_print(text: str, points: list[tuple[str, float | None, float]]) -> None:
    assert read(text.encode()) == points


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-26 12:00:01 INFO started",
        "12:30: 5",
        "Time: 12:30",
        "see http://x.org:80",
        "loss: 0.41 and more",
        "loss 0.41",
        "{'a': 1, 'b': 2}",
        "{'loss': 0.5, 'epoch': 1} trailing",
        "[INFO] loss: 0.4",
        "[RunForge: 5 bytes were cut here; the end follows]",
        "[RF:METRIC=loss 0.5 step=1]",
        "1/10 - loss: 0.5",
        "7: learned: 5",
        "two words: 5",
        "lr=0.1 momentum=0.9",
        "Epoch 1/30\nsaved to file=model.pt size=5",
        "Epoch 1/30\nlr=0.1 name=x",
        "",
    ],
)
def test_what_is_no_metric(text: str) -> None:
    assert read(text.encode()) == []


def test_plain_lines_are_marked_and_few() -> None:
    reader = LogReader()
    reader.feed(b"".join(b"key%d: 1\n" % number for number in range(100)))
    assert len(reader.plain) == 64
    reader.feed(b"[1]\tkey1:0.5\n")
    assert "key1" not in reader.plain


PIECES = st.sampled_from(
    [
        *(b"{'loss': ", b"'0.5'", b", 'epoch': 1}", b"[12]\t", b"auc:0.5", b"loss: 0.5", b" (step 3)", b"\n"),
        *(b"\r", b"\x08\x08", b"Epoch 3/10", b"10/10 - ", b"\x1b[0m", b"7:\tlearn: 1", b"\ttest: 2", b"\xff"),
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join), st.data())
def test_how_a_log_is_cut_into_pieces_does_not_matter(log: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    pieces = [log[start:end] for start, end in itertools.pairwise([0, *cuts, len(log)])]
    assert repr(read(*pieces)) == repr(read(log))


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_do_no_harm(log: bytes, late: bool) -> None:
    reader = LogReader()
    if late:
        reader.gap()
    reader.feed(log)
    reader.feed(b"\n")
    assert reader.feed(b"loss: 0.5\n") == [("loss", reader._step, 0.5)]


@pytest.mark.parametrize(
    "line",
    [
        b"{'" + b"a" * 4000,
        b"10/10 " + b"- a: " * 1000,
        b" " * 4000,
        b"[1] " + b":" * 1000,
        b"a" * 4000,
        b"1/1 -" * 900,
    ],
)
def test_hostile_lines_take_no_time_that_grows_with_their_square(line: bytes) -> None:
    """Otherwise this would take minutes."""
    assert read((line + b"x\n") * 1000) == []


def test_a_persons_own_pattern() -> None:
    reader = PatternReader(r"(?P<name>\w+)=(?P<value>[-\d.e]+)(?: at (?P<step>\d+))?")
    assert reader.feed(b"x loss=0.5 acc=1 at 7\r\x1b[1mloss=0.4 at 8\x1b[0m\nloss=--\nlo") == [
        ("loss", None, 0.5),
        ("acc", 7, 1),
        ("loss", 8, 0.4),
    ]
    assert reader.feed(b"ss=3\n") == [("loss", None, 3)]
    assert PatternReader("^(?P<value>.*)$").feed(b"7\n" + b"8" * 2000 + b"\n") == [("value", None, 7)]


@pytest.mark.parametrize("pattern", ["(", "loss", "(?P<name>x)"])
def test_a_wrong_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="it "):
        compiled(pattern)
