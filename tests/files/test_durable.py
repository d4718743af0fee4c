"""Files that are synced together, replaced whole, and never read through a link."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runforge.files import durable
from runforge.files.durable import read_bounded, write_atomic, write_new, write_to_be_noted
from tests.synced import Synced


@pytest.mark.parametrize("count", [3, 40])
def test_every_file_is_synced_and_a_missing_one_is_told(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / str(number) for number in range(count)]
    for file in files:
        file.write_bytes(b"x")
    synced: list[Path] = []
    really = durable.fsync_file
    monkeypatch.setattr(durable, "fsync_file", lambda path: (really(path), synced.append(path)))
    durable.fsync_files(files)
    assert sorted(synced) == sorted(files)
    files[count // 2].unlink()
    with pytest.raises(FileNotFoundError):
        durable.fsync_files(files)


def test_a_planted_link_is_replaced_and_never_read(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / "queue.json"
    target.symlink_to(victim)
    with pytest.raises(OSError, match="is not a regular file"):
        read_bounded(target, 100)
    write_atomic(target, b"new")
    assert (victim.read_text(), target.read_text(), target.is_symlink()) == ("mine", "new", False)
    assert os.stat(target).st_mode & 0o777 == 0o600


def test_a_replaced_file_is_whole_on_disk_before_it_has_its_name_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    synced = Synced(monkeypatch)
    at_the_end = []
    really = os.replace

    def replaced(old: Path, new: Path) -> None:
        at_the_end.extend(synced.all)
        really(old, new)

    monkeypatch.setattr(os, "replace", replaced)
    write_atomic(target, [b"four", b"teen letters"])
    (content,) = at_the_end
    assert content.path.startswith(f"{tmp_path}/{durable.TEMPORARY_PREFIX}")
    assert content.size == len(b"fourteen letters")
    assert [sync.path for sync in synced.all[1:]] == [str(tmp_path)]


def test_a_file_that_is_to_be_noted_is_on_disk_with_its_name_by_one_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    synced = Synced(monkeypatch)
    write_to_be_noted(target, b"four")
    assert synced.all == [(str(target), 4)]
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_is_to_be_noted_may_stay_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"another's")
    write_to_be_noted(target, b"four", may_replace=lambda: False)
    assert target.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_cannot_be_synced_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=r"Input/output error: .*file") as raised:
        write_to_be_noted(target, b"four")
    assert raised.value.filename == str(target)
    assert os.listdir(tmp_path) == []


def test_a_new_file_is_on_disk_when_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    write_new(tmp_path / "file", b"four")
    assert synced.all == [(str(tmp_path / "file"), 4)]
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"more")
