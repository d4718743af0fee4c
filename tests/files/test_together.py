"""Files that the kernel syncs while the caller waits once."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from runforge.files import together
from tests.synced import one_by_one

needs_queue = pytest.mark.skipif(
    together._queue(os.getpid()) is None, reason="this kernel has no AIO, or it is not allowed"
)


@contextmanager
def opened(folder: Path, count: int) -> Iterator[list[int]]:
    """Open so many new files, and the folder behind them."""
    with ExitStack() as stack:
        found = []
        for number in range(count):
            (folder / str(number)).write_bytes(b"x")
        for path in (*(folder / str(number) for number in range(count)), folder):
            found.append(os.open(path, os.O_RDONLY))
            stack.callback(os.close, found[-1])
        yield found


def refused(_descriptor: int) -> None:
    raise OSError(errno.EIO, "made up")


@needs_queue
@pytest.mark.parametrize("count", [0, 1, together.MOST - 1])
def test_files_and_folders_are_synced_by_the_kernel(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refused)
    with opened(tmp_path, count) as descriptors:
        assert together.sync(descriptors) == [0] * (count + 1)
    assert together.sync([]) == []


@needs_queue
def test_what_is_too_much_for_the_kernel_is_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, together.MOST + 1) as descriptors:
        assert together.sync(descriptors) == [0] * (together.MOST + 2)
        monkeypatch.setattr(os, "fsync", refused)
        assert together.sync(descriptors) == [*[0] * together.MOST, errno.EIO, errno.EIO]


def test_what_the_kernel_does_not_take_is_told(tmp_path: Path) -> None:
    read, write = os.pipe()
    with opened(tmp_path, 2) as (one, two, folder):
        found = together.sync([one, read, two, 10_000, folder])
        assert found == [0, errno.EINVAL, 0, errno.EBADF, 0]
    os.close(read)
    os.close(write)


@needs_queue
def test_the_kernel_tells_of_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order, some now and some later, with signals in between."""
    call, waits = together._call, []

    def told(which: int, queue: object, *more: object) -> int:
        if which != together._GETEVENTS:
            return call(which, queue, *more)
        waits.append(which)
        if len(waits) % 2:
            return -1
        one, events = ctypes.c_long(1), cast("Any", more[2])
        got = call(which, queue, one, one, events, None)
        if events[0].place == 1:
            events[0].result = -errno.EIO
        return got

    with opened(tmp_path, 2) as descriptors:
        monkeypatch.setattr(together, "_call", told)
        assert together.sync(descriptors) == [0, errno.EIO, 0]
    assert len(waits) == 6


@needs_queue
def test_a_fork_has_a_queue_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refused)
    with opened(tmp_path, 2) as descriptors:
        assert together.sync(descriptors) == [0, 0, 0]
        child = os.fork()
        if child == 0:
            os._exit(int(together.sync(descriptors) != [0, 0, 0]))
        assert os.waitpid(child, 0) == (child, 0)


def test_without_a_queue_they_are_synced_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one(monkeypatch)
    monkeypatch.setattr(os, "fsync", refused)
    with opened(tmp_path, 2) as descriptors:
        assert together.sync(descriptors) == [errno.EIO] * 3
