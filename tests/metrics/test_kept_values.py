"""The values that a supervisor keeps while the run goes on are those that a reader of the whole file finds."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from runforge.metrics import jsonl, kept_values
from runforge.metrics.jsonl import LastValues
from runforge.metrics.kept_values import KeptValues
from runforge.metrics.points import Point


class _File:
    """metrics.jsonl, to which a run and its supervisor add lines."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / jsonl.NAME
        self.kept = KeptValues(self.path)
        self._descriptor: int | None = None

    def run_adds(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def supervisor_adds(self, *points: Point) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        lines = b"".join(jsonl.encode(point, "2026-01-01") for point in points)
        os.write(self._descriptor, lines)
        self.kept.appended(self._descriptor, lines, points)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def require_right(self) -> None:
        found, whole = self.kept.finish(), jsonl.read_last(self.path)
        assert found.points == whole.points
        assert list(found.points) == list(whole.points)
        assert list(found.sentences()) == list(whole.sentences())


@pytest.mark.parametrize("seed", range(30))
def test_what_is_kept_is_what_the_whole_file_says(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, file = random.Random(seed), _File(tmp_path)
    monkeypatch.setattr(kept_values, "_SOON", 0.0)
    monkeypatch.setattr(kept_values, "_BLOCK", 64)
    for number in range(200):
        step = chance.randrange(6)
        if step == 0:
            file.run_adds(b'{"name": "own", "value": %d}\n' % number)
        elif step == 1:
            file.run_adds(b'{"loss": %d, "step"' % number)
            file.kept.look()
            file.run_adds(b": 3}\n")
        elif step == 2:
            file.run_adds(b"no metric\n")
        elif step == 3 and chance.random() < 0.05:
            file.path.write_bytes(b'{"name": "anew%d", "value": 1}\n' % number)
        elif step == 4:
            file.kept.look()
        else:
            names = [f"m{chance.randrange(1100)}" for _ in range(chance.randrange(1, 60))]
            file.supervisor_adds(*(Point(name, float(number), chance.random()) for name in names))
    file.close()
    file.require_right()


def _finished(file: _File, monkeypatch: pytest.MonkeyPatch) -> tuple[LastValues, list[tuple[int, int]]]:
    """Return the last values, and what was read for them at the end: where, and how much."""
    read: list[tuple[int, int]] = []
    really = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        data = really(descriptor, length, offset)
        read.append((offset, len(data)))
        return data

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", counted)
        return file.kept.finish(), read


def test_of_what_only_the_supervisor_wrote_nothing_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _File(tmp_path)
    for number in range(1000):
        file.supervisor_adds(Point("loss", float(number), 1.0 / (number + 1)))
    found, read = _finished(file, monkeypatch)
    file.close()
    assert {offset for offset, _ in read} <= {0}, "the beginning is compared, no more"
    assert found.points == {"loss": Point("loss", 999.0, 0.001)}
    file.require_right()


def test_of_much_that_was_not_read_yet_the_ends_are_read_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _File(tmp_path)
    monkeypatch.setattr(kept_values, "_LEFT", 2000)
    file.run_adds(b'{"name": "first", "value": 1}\n')
    for number in range(1000):
        file.run_adds(b'{"name": "loss", "value": %d}\n' % number)
    found = file.kept.finish()
    assert {name: point.value for name, point in found.points.items()} == {"first": 1.0, "loss": 999.0}
    assert "in the middle of metrics.jsonl were not read" in "".join(found.sentences())


@pytest.mark.slow
def test_of_a_million_lines_that_came_at_once_little_is_read_while_the_run_holds_its_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _File(tmp_path)
    file.run_adds(b'{"name": "first", "value": 1}\n')
    file.run_adds(b'{"name": "loss", "value": 0.25, "step": 1}\n' * 1_000_000)
    file.run_adds(b'{"name": "loss", "value": 0.125, "step": 2}\n')
    found, read = _finished(file, monkeypatch)
    assert {name: point.value for name, point in found.points.items()} == {"first": 1.0, "loss": 0.125}
    assert sum(length for _, length in read) < 3 * 2**20 < file.path.stat().st_size / 10
