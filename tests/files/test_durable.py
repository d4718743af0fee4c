"""Files that are synced together, replaced whole, and never read through a link."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runforge.files import durable
from runforge.files.durable import read_bounded, write_atomic, write_new
from tests.synced import Synced


def test_every_file_is_synced_and_a_missing_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / str(number) for number in range(100)]
    for file in files:
        file.write_bytes(b"x")
    synced = Synced(monkeypatch)
    durable.fsync_files(files)
    assert synced.all == [(str(file), 1) for file in files]
    files[50].unlink()
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


def test_a_new_file_is_on_disk_when_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    write_new(tmp_path / "file", b"four")
    assert synced.all == [(str(tmp_path / "file"), 4)]
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"more")


class Disk:
    """What is begun and what is synced, in order, by name; it refuses some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...] = ()) -> None:
        self.begun: list[str] = []
        self.synced: list[str] = []
        self._begun_before: int | None = None
        self._refused = refused
        monkeypatch.setattr(os, "posix_fadvise", self._begin)
        monkeypatch.setattr(os, "fsync", self._sync)

    @property
    def begun_before_the_first_sync(self) -> int | None:
        return self._begun_before

    def _begin(self, descriptor: int, *_: int) -> None:
        self.begun.append(_name(descriptor))

    def _sync(self, descriptor: int) -> None:
        if self._begun_before is None:
            self._begun_before = len(self.begun)
        name = _name(descriptor)
        if name in self._refused:
            raise OSError(errno.EIO, "made up")
        self.synced.append(name)


def _name(descriptor: int) -> str:
    return os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))


def leave(folder: Path) -> list[Path]:
    """Leave what a run may leave: files, a folder with a link in it, and one name that is not there."""
    (folder / "models" / "deep").mkdir(parents=True)
    for name in ("log", "models/one", "models/deep/two"):
        (folder / name).write_text("x")
    (folder / "models" / "link").symlink_to("/etc/passwd")
    return [folder / "log", folder / "nothing", folder / "models"]


def test_all_files_are_on_their_way_to_the_disk_before_the_first_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, disk = leave(tmp_path), Disk(monkeypatch)
    before = os.listdir("/proc/self/fd")
    assert durable.sync_trees(left) == [tmp_path / "models" / "link"]
    assert sorted(disk.begun) == ["log", "one", "two"]
    assert disk.begun_before_the_first_sync == 3
    assert disk.synced == ["log", "one", "two", "models", "deep"]
    assert os.listdir("/proc/self/fd") == before


def test_many_files_are_synced_some_at_a_time_and_large_ones_without_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_OPEN_AT_ONCE", 2)
    monkeypatch.setattr(durable, "_SMALL", 10)
    for number in range(5):
        (tmp_path / str(number)).write_bytes(bytes(4 * number))
    disk = Disk(monkeypatch)
    assert durable.sync_trees([tmp_path]) == []
    assert sorted(disk.synced) == ["0", "1", "2", "3", "4", tmp_path.name]
    assert sorted(disk.begun) == ["0", "1", "2"]
    assert disk.begun_before_the_first_sync in {0, 1, 2}


def test_what_the_disk_refuses_is_told_and_the_rest_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, disk = leave(tmp_path), Disk(monkeypatch, refused=("log", "deep"))
    assert durable.sync_trees(left) == [tmp_path / "log", tmp_path / "models" / "link"]
    assert disk.synced == ["one", "two", "models"]
