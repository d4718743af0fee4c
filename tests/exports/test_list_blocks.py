"""A long list is written again from the blocks of its last version, and costs little where little has changed."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from runforge.exports import list_blocks
from runforge.paths import Path as OurPath

_BLOCKS = {number: b"    %d" % (10**number) for number in range(5)}
#: What happens to a block: it stays, changes, goes, or is new before it.
_STAYS, _CHANGES, _GOES, _FOLLOWS = range(4)


def written(
    path: Path, blocks: list[tuple[int, bytes | None]], last: list_blocks.Layout | None
) -> list_blocks.Layout:
    return list_blocks.write(OurPath(path), {"a": 1, "items": [], "z": "end"}, "items", blocks, last)


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # many small files


def test_whatever_changes_the_bytes_are_those_of_a_new_file(tmp_path: Path) -> None:
    for fates in itertools.product(range(4), repeat=3):
        first = written(tmp_path / "list", [*_BLOCKS.items()], None)
        blocks: list[tuple[int, bytes | None]] = [(0, None)]
        for number, fate in enumerate(fates, 1):
            if fate == _FOLLOWS:
                blocks.append((10 + number, b"    7"))
            blocks.append((number, {_CHANGES: b"    9", _GOES: b""}.get(fate)))
        blocks.append((4, None))
        layout = written(tmp_path / "list", blocks, first)
        anew = [(number, _BLOCKS[number] if data is None else data) for number, data in blocks]
        wanted = written(tmp_path / "anew", [*anew], None)
        assert (tmp_path / "list").read_bytes() == (tmp_path / "anew").read_bytes(), fates
        assert (layout.start, layout.blocks) == (wanted.start, wanted.blocks), fates


def test_neighbours_that_stay_are_copied_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, many = tmp_path / "list", 1000
    first = written(path, [(number, b"    1") for number in range(many)], None)
    real, reads = os.pread, []
    monkeypatch.setattr(os, "pread", lambda *given: reads.append(given) or real(*given))
    written(path, [(number, b"    2" if number == many // 2 else None) for number in range(many)], first)
    assert len(reads) == 2
    assert path.read_bytes().count(b"    1,\n") + path.read_bytes().count(b"    1\n") == many - 1
