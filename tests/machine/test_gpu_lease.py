"""Leases of GPUs by locks that everybody shares, and what somebody may have put in their place."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.machine import gpu_lease
from runforge.machine.gpu_lease import Taken, held_by, path_of, take, trouble

HERE, THERE = "a" * 16, "b" * 16
UUID = "GPU-1"


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(gpu_lease.VARIABLE, str(tmp_path))
    monkeypatch.setattr(gpu_lease, "_TRIES", 2)
    before = set(os.listdir("/proc/self/fd"))
    yield tmp_path
    assert set(os.listdir("/proc/self/fd")) <= before, "a descriptor was left open"


def test_a_whole_device_is_held_once(locks: Path) -> None:
    first = take(UUID, HERE, is_whole=True)
    assert first is not None
    for queue in (HERE, THERE):
        for is_whole in (True, False):
            with pytest.raises(Taken):
                take(UUID, queue, is_whole=is_whole)
    assert held_by(UUID, HERE) is None
    assert (held_by(UUID, THERE) or "").startswith("another queue")
    os.close(first)
    assert held_by(UUID, THERE) is None
    again = take(UUID, THERE, is_whole=True)
    assert again is not None
    os.close(again)
    assert stat.S_IMODE(path_of(UUID).stat().st_mode) == 0o666
    assert path_of(UUID).parent == locks


def test_runs_of_one_queue_share_a_device_and_those_of_two_do_not() -> None:
    held = [take(UUID, HERE, is_whole=False) for _ in range(3)]
    assert None not in held
    for queue, is_whole in ((HERE, True), (THERE, True), (THERE, False)):
        with pytest.raises(Taken):
            take(UUID, queue, is_whole=is_whole)
    assert held_by(UUID, HERE) is None
    assert held_by(UUID, THERE) is not None
    for descriptor in held[:2]:
        os.close(descriptor or -1)
    assert held_by(UUID, THERE) is not None
    os.close(held[2] or -1)
    other = take(UUID, THERE, is_whole=False)
    assert other is not None
    assert held_by(UUID, HERE) is not None
    os.close(other)


def test_another_umask_changes_nothing() -> None:
    before = os.umask(0o077)
    try:
        os.close(take(UUID, HERE, is_whole=True) or -1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path_of(UUID).stat().st_mode) == 0o666


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "fifo"])
def test_something_else_in_the_place_of_the_file_is_left_alone(tmp_path: Path, what: str) -> None:
    path, victim = path_of(UUID), tmp_path / "victim"
    victim.write_text("precious")
    if what == "link":
        path.symlink_to(victim)
    elif what == "dangling":
        path.symlink_to(tmp_path / "made")
    elif what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert take(UUID, HERE, is_whole=True) is None
    assert held_by(UUID, HERE) is None
    assert str(path) in (trouble(UUID) or "")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "made").exists()


def test_nonsense_in_the_file_gives_nobody_the_device() -> None:
    path_of(UUID).write_bytes(b"\xff" * 100_000)
    held = take(UUID, HERE, is_whole=False)
    assert held is not None
    assert path_of(UUID).stat().st_size < 100
    path_of(UUID).write_text("runforge-queue ../../etc 0\n")
    with pytest.raises(Taken):
        take(UUID, HERE, is_whole=False)
    assert held_by(UUID, HERE) == "another queue"
    os.close(held)


def test_a_file_that_was_deleted_or_replaced_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = take(UUID, HERE, is_whole=True)
    path_of(UUID).unlink()
    second = take(UUID, THERE, is_whole=True)
    assert first is not None
    assert second is not None
    monkeypatch.setattr(gpu_lease, "_is_still_there", lambda *_: False)
    os.close(second)
    with pytest.raises(Taken):
        take(UUID, THERE, is_whole=True)
    os.close(first)


def test_the_name_of_a_device_makes_no_path() -> None:
    assert path_of("../../etc/x").name == "runforge-gpu-______etc_x.lock"


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
def test_a_file_that_may_only_be_read_is_held_alone() -> None:
    path_of(UUID).touch(0o444)
    path_of(UUID).chmod(0o444)
    held = take(UUID, HERE, is_whole=False)
    assert held is not None
    with pytest.raises(Taken):
        take(UUID, HERE, is_whole=False)
    os.close(held)
    path_of(UUID).chmod(0)
    assert take(UUID, HERE, is_whole=True) is None
    assert trouble(UUID) is not None


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("first", [0, 65534])
def test_two_users_see_each_others_leases(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="rf-locks-") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setenv(gpu_lease.VARIABLE, folder)
        go, ready = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.umask(0o077)
                os.setuid(first)
                take(UUID, HERE, is_whole=True)
                os.write(ready[1], b"y")
                os.read(go[0], 1)
            finally:
                os._exit(0)
        os.read(ready[0], 1)
        if first == 0:
            os.seteuid(65534)
        try:
            assert (held_by(UUID, THERE) or "").startswith("another queue of ")
            with pytest.raises(Taken):
                take(UUID, THERE, is_whole=False)
            os.write(go[1], b"y")
            os.waitpid(child, 0)
            mine = take(UUID, THERE, is_whole=False)
            assert mine is not None
            os.close(mine)
        finally:
            os.seteuid(0)
        for descriptor in (*go, *ready):
            os.close(descriptor)
