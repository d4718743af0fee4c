"""Readers of tools' files: how files are cut, torn, damaged, hostile or huge."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runforge.metrics.points import Point
from runforge.metrics.sources.checksum import masked_crc
from runforge.metrics.sources.kinds import KINDS, kind_of_name, kind_of_start
from runforge.metrics.sources.reader import Reader
from runforge.metrics.sources.table import TableReader
from runforge.metrics.sources.tensorboard import EventReader
from runforge.metrics.sources.trainer_state import TrainerStateReader
from runforge.metrics.sources.wandb import WandbReader
from tests.metrics.kit import RECORDED, last, list_files, read_all

FILES = [path for path in sorted(RECORDED.rglob("*")) if path.is_file() and kind_of_name(str(path))]


def reader_of(path: Path) -> Reader:
    return KINDS[str(kind_of_name(str(path)))]()


def read(reader: Reader, *pieces: bytes) -> list[Point]:
    points = [point for piece in pieces for point in reader.feed(piece)]
    return [*points, *reader.finish()]


# --- every format -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECORDED)))
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_how_a_file_is_cut_into_pieces_does_not_matter(path: Path, data: st.DataObject) -> None:
    content = path.read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[start:end] for start, end in itertools.pairwise([0, *cuts, len(content)])]
    assert read(reader_of(path), *pieces) == read(reader_of(path), content)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECORDED)))
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_torn_file_gives_what_is_whole(path: Path, data: st.DataObject) -> None:
    content = path.read_bytes()
    whole = read(reader_of(path), content)
    torn = read(reader_of(path), content[: data.draw(st.integers(0, len(content)))])
    assert torn == whole[: len(torn)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECORDED)))
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_damage_does_no_harm(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 4] = data.draw(st.binary(max_size=8))
    reader = reader_of(path)
    cut = data.draw(st.integers(0, len(content)))
    for point in reader.feed(bytes(content[:cut])):
        assert isinstance(point.value, float)
    if data.draw(st.booleans()):
        reader.gap()
    reader.feed(bytes(content[cut:]))
    assert len(reader.sentences()) <= 2


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_any_bytes_do_no_harm(kind: str, data: st.DataObject) -> None:
    reader = KINDS[kind]()
    start = data.draw(st.sampled_from([b"", b":W&B\xe1\xbe\x00", b"a,b\n", b"{", bytes(12)]))
    read(reader, start, data.draw(st.binary(max_size=300)), data.draw(st.binary(max_size=300)))


@pytest.mark.parametrize("kind", KINDS)
def test_links_pipes_and_folders_are_not_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "real").write_text("step,loss\n1,2\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    lines = [
        json.dumps({"path": str(tmp_path / name), "kind": kind, "by": "open"})
        for name in ("link", "pipe", "folder", "none")
    ]
    (tmp_path / "sources.jsonl").write_text("\n".join(lines) + "\n")
    assert last(tmp_path) == {}


# --- event files --------------------------------------------------------------------------------------


def field(number: int, kind: int, data: bytes) -> bytes:
    length = varint(len(data)) if kind == 2 else b""
    return varint(number << 3 | kind) + length + data


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def frame(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked_crc(head)) + data + struct.pack("<I", masked_crc(data[:0]))


def event(step: int, *values: bytes) -> bytes:
    summary = b"".join(field(1, 2, value) for value in values)
    return frame(field(1, 1, struct.pack("<d", 1.0)) + field(2, 0, varint(step)) + field(5, 2, summary))


def scalar(tag: str, value: float) -> bytes:
    return field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", value))


def tensor(tag: str, dtype: int, *parts: bytes) -> bytes:
    return field(1, 2, tag.encode()) + field(8, 2, field(1, 0, varint(dtype)) + b"".join(parts))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (scalar("x", 0.5), 0.5),
        (tensor("x", 1, field(4, 2, struct.pack("<f", 0.5))), 0.5),
        (tensor("x", 2, field(4, 2, struct.pack("<d", 0.1))), 0.1),
        (tensor("x", 3, field(4, 2, struct.pack("<i", -7))), -7),
        (tensor("x", 9, field(4, 2, struct.pack("<q", -(2**40)))), -(2**40)),
        (tensor("x", 19, field(4, 2, struct.pack("<e", 0.5))), 0.5),
        (tensor("x", 14, field(4, 2, b"\0\x3f")), 0.5),
        (tensor("x", 1, field(5, 2, struct.pack("<f", 0.5))), 0.5),
        (tensor("x", 1, field(5, 5, struct.pack("<f", 0.5))), 0.5),
        (tensor("x", 2, field(6, 2, struct.pack("<d", 0.1))), 0.1),
        (tensor("x", 9, field(10, 2, varint(-3))), -3),
        (tensor("x", 9, field(10, 0, varint(12))), 12),
        (tensor("x", 1, field(4, 2, struct.pack("<ff", 0.5, 1))), None),
        (tensor("x", 1, field(5, 2, struct.pack("<ff", 0.5, 1))), None),
        (tensor("x", 7, field(8, 2, b"text")), None),
        (field(1, 2, b"x") + field(5, 2, b"histogram"), None),
    ],
)
def test_numbers_of_event_files(value: bytes, expected: float | None) -> None:
    points = read(EventReader(), event(3, value))
    assert points == ([] if expected is None else [("x", 3, expected)])


def test_a_step_may_be_negative_and_a_value_nan() -> None:
    (point,) = read(EventReader(), event(-1, scalar("x", float("nan"))))
    assert (point.step, str(point.value)) == (-1, "nan")


def test_pictures_are_passed_over_and_not_kept() -> None:
    picture = event(1, field(1, 2, b"image") + field(4, 2, bytes(3_000_000)))
    reader = EventReader()
    points = []
    for start in range(0, len(picture), 100_000):
        points += reader.feed(picture[start : start + 100_000])
        assert len(reader._rest) < 400_000
    assert points + reader.feed(event(2, scalar("x", 1))) == [("x", 2, 1)]


@pytest.mark.parametrize(
    "damage", [b"\xff" * 40, bytes(500), b"\0" * 7 + b"\1" + b"x" * 30, b"\5\0\0\0\0\0\0\0" * 9]
)
def test_after_damage_the_next_event_is_found(damage: bytes) -> None:
    reader = EventReader()
    content = event(1, scalar("x", 1)) + damage + event(2, scalar("x", 2)) + event(3, scalar("x", 3))
    points = [point for at in range(len(content)) for point in reader.feed(content[at : at + 1])]
    assert [point.step for point in points][-1] == 3
    assert reader.sentences() == ["a part of the file is damaged"]


# --- wandb --------------------------------------------------------------------------------------------


def test_a_wandb_file_is_read_from_a_later_block_and_records_may_span_blocks() -> None:
    def record(step: int, note: str) -> bytes:
        items = b"".join(
            field(1, 2, field(2, 2, name.encode()) + field(16, 2, json.dumps(value).encode()))
            for name, value in {"loss": step / 2, "_step": step, "note": note}.items()
        )
        return field(2, 2, items)

    content = bytearray(b":W&B\xe1\xbe\x00")
    for step in range(40):
        rest, kind = record(step, "x" * 9000), 1
        while rest or kind == 1:
            room = 32768 - len(content) % 32768
            if room < 7:
                content += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (4 if kind != 1 else 1) if not rest else (2 if kind == 1 else 3)
            content += bytes(4) + struct.pack("<HB", len(part), kind) + part
            if not rest:
                break
    assert read(WandbReader(), bytes(content)) == [("loss", step, step / 2) for step in range(40)]
    late = WandbReader()
    late.feed(bytes(content[:100]))
    late.gap()
    points = late.feed(bytes(content[32768 * 4 :]))
    assert points[-1] == ("loss", 39, 19.5)
    assert 20 < len(points) < 30


# --- tables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("step,loss\n1,0.5\n", [("loss", 1, 0.5)]),
        ("epoch,step,loss\n,7,0.5\n1,,0.25\n", [("loss", 7, 0.5), ("loss", 1, 0.25)]),
        ("               epoch,     train/box_loss\n     1,      0.5\n", [("train/box_loss", 1, 0.5)]),
        ("epoch,time,lr/pg0\n1,3.2,0.1\n", [("lr/pg0", 1, 0.1)]),
        ("epoch,loss,val\n0,NA,\n1,nan,inf\n", [("loss", 1, "nan"), ("val", 1, "inf")]),
        ("iter\tLogloss\n0\t0.5\n", [("Logloss", 0, 0.5)]),
        ("a;b\n1;2\n", [("a", None, 1), ("b", None, 2)]),
        ('step,"top 5, all"\n1,"0.5"\n', [("top 5, all", 1, 0.5)]),
        ("\ufeffstep,loss\r\n1,0.5\r\n", [("loss", 1, 0.5)]),
        ("loss\n0.5\n\n0.25\n", [("loss", None, 0.5), ("loss", None, 0.25)]),
        ("step,loss\n1,0.5\nstep,loss\n1,0.4\n", [("loss", 1, 0.5), ("loss", 1, 0.4)]),
        ("step,loss\n1\n2,0.5,9\n", [("loss", 2, 0.5)]),
        ("step,loss,0.5\n1,2,3\n", [("loss", 1, 2)]),
        ("step,loss\n1,0.51", []),
        ("Wall time,Step,Value\n1.7e9,3,0.5\n", [("Value", 3, 0.5)]),
        ("step,metric,value\n1,loss,0.5\n1,acc,0.9\n2,loss\n", [("loss", 1, 0.5), ("acc", 1, 0.9)]),
        ("time/total_timesteps,rollout/ep_rew_mean\n2048,21.5\n", [("rollout/ep_rew_mean", 2048, 21.5)]),
    ],
)
def test_tables(text: str, points: list[tuple[str, float | None, object]]) -> None:
    found = read(TableReader(), text.encode())
    assert [(p.name, p.step, str(p.value)) for p in found] == [
        (n, s, str(float(str(v)))) for n, s, v in points
    ]


def test_a_table_whose_header_grows_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "version_0" / "metrics.csv"
    path.parent.mkdir()
    list_files(tmp_path, path)
    path.write_text("step,loss\n1,0.5\n2,0.25\n")
    curves = read_all(tmp_path)
    assert curves.curves()["loss"].values == [0.5, 0.25]
    path.write_text("step,loss,val_loss\n1,0.5,\n2,0.25,\n2,,0.3\n3,0.2,\n")  # the same file, written anew
    while curves.refresh():
        pass
    assert {name: curve.values for name, curve in curves.curves().items()} == {
        "loss": [0.5, 0.25, 0.2],
        "val_loss": [0.3],
    }


# --- one document -------------------------------------------------------------------------------------


def test_a_trainer_state_that_is_no_document_says_nothing() -> None:
    for text in (
        "{}",
        "[]",
        '{"log_history": 5}',
        '{"log_history": [5, {"step": "x", "loss": "y"}]}',
        "{" * 99_999 + "}",
    ):
        assert read(TrainerStateReader(), text.encode()) == []
    reader = TrainerStateReader()
    reader.feed(b"x" * 17_000_000)
    assert reader.sentences() == ["it is too long to be read"]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ('[{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]', [("loss", 1, 0.5), ("loss", 2, 0.25)]),
        (
            '{"loss": [0.5, 0.25], "acc": [0.9]}',
            [("loss", None, 0.5), ("acc", None, 0.9), ("loss", None, 0.25)],
        ),
        ('{\n  "acc": 0.9,\n  "name": "x"\n}\n', [("acc", None, 0.9)]),
        ('{"log_history": [{"step": 4, "epoch": 1, "loss": 0.5}]}', [("loss", 4, 0.5)]),
    ],
)
def test_documents(text: str, points: list[tuple[str, float | None, float]]) -> None:
    assert read(TrainerStateReader(), text[:9].encode(), text[9:].encode()) == points


# --- which format -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/x/runs/Nov26/events.out.tfevents.1.host.2.0", "tensorboard"),
        ("/x/wandb/offline-run-2026-ab/run-ab.wandb", "wandb"),
        ("/x/lightning_logs/version_3/metrics.csv", "table"),
        ("/x/runs/train/results.csv", "table"),
        ("/x/catboost_info/test_error.tsv", "table"),
        ("/x/catboost_info/time_left.tsv", None),
        ("/x/dvclive/plots/metrics/train/loss.tsv", "table"),
        ("/x/out/checkpoint-500/trainer_state.json", "trainer"),
        ("/x/vis_data/scalars.json", "lines"),
        ("/x/out/trainer_state.json", "trainer"),
        ("/x/mmdet/20230101_120000.log.json", "lines"),
        ("/x/output/metrics.json", "lines"),
        ("/x/logs/progress.csv", "table"),
        ("/x/data/train.csv", None),
        ("/x/metrics.csv", None),
    ],
)
def test_well_known_names(path: str, kind: str | None) -> None:
    assert kind_of_name(path) == kind


def test_a_named_file_is_known_by_its_beginning() -> None:
    for path in FILES:
        assert kind_of_start("/x/anything", path.read_bytes()[:8192]) == kind_of_name(str(path))
    for start, kind in {
        b'{\n  "loss": [0.5]': "trainer",
        b'[{"step": 1}]': "trainer",
        b'{"step": 1}\n{"step": 2}\n': "lines",
        b'{"step": 1, "loss"': "lines",
        b"step,loss\n": "table",
    }.items():
        assert kind_of_start("/x/anything", start) == kind
    assert kind_of_start("/x/trainer_state.json", b'{\n  "best') == "trainer"


# --- memory -------------------------------------------------------------------------------------------


def sparse(tmp_path: Path) -> Iterator[Path]:
    for name, start in {
        "events.out.tfevents.1": event(1, scalar("x", 1)),
        "run-1/run-1.wandb": b":W&B\xe1\xbe\x00",
        "results.csv": b"step,x\n1,1\n",
        "scalars.json": b'{"x": 1}\n',
        "checkpoint-1/trainer_state.json": b"{}",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(start)
        os.truncate(path, 1 << 30)
        yield path


_MEASURE = """
import resource, sys, pathlib
from runforge.metrics.last_values import RunValues
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(RunValues(pathlib.Path(sys.argv[1])).last, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_file_of_1_gb_is_read_in_little_memory(tmp_path: Path) -> None:
    for path in sparse(tmp_path):
        (tmp_path / "sources.jsonl").unlink(missing_ok=True)
        list_files(tmp_path, path)
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, tmp_path], capture_output=True, text=True, check=True
        )
        assert int(done.stdout.split()[-1]) < 50, path
        assert done.stdout.startswith(
            "{'x': 1.0}" if "trainer" not in path.name and "wandb" not in path.name else "{}"
        )
