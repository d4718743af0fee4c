"""What the tests of a failing machine need: small disks, cgroups, limits of live processes."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.drills.arena import Arena
from runforge.drills.plans import csv_text
from tests.conftest import wait_until

_PIDS = Path("/sys/fs/cgroup/pids")
_MEMORY = Path("/sys/fs/cgroup/memory")


def require_root() -> None:
    """Skip where the machine does not let us mount."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a disk")


def mount(here: Arena, folder: Path, *words: str) -> None:
    """Mount something until the test is over, or skip."""
    require_root()
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *words, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount {words}: {done.stderr.strip()}")
    here.afterwards.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)


def on_small_disk(here: Arena, options: str) -> None:
    """Put the whole workspace on a small disk in memory."""
    mount(here, here.root, "-t", "tmpfs", "-o", f"{options},mode=0700", "small")
    furnish(here)


def furnish(here: Arena) -> None:
    """Put the sample data onto a new disk."""
    (here.root / "data").mkdir()
    (here.root / "data/train.csv").write_text(csv_text(), encoding="utf-8")


def fill(path: Path, *, but: int = 0, most: int = 2**40) -> None:
    """Write until the disk is full, or this many bytes are written; then free `but` bytes."""
    with open(path, "wb", buffering=0) as stream:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while stream.tell() < most:
                    stream.write(bytes(size))
        if but:
            stream.truncate(max(0, stream.tell() - but))


def fill_with_files(folder: Path) -> None:
    """Make empty files until no more is possible."""
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in range(1_000_000):
            (folder / str(number)).touch()


def descendants(pid: int) -> list[int]:
    """Return a process and everything below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii")
            found += [int(word) for word in text.split()]
    return found


@contextlib.contextmanager
def few_descriptors(pid: int) -> Iterator[None]:
    """Let a live process open no further file."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    assert highest >= 3
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def few_processes(here: Arena, pids: list[int], spare: int) -> Iterator[None]:
    """Limit how many more processes can be created."""
    with _group(here, _PIDS, pids) as group:
        current = int((group / "pids.current").read_text("ascii"))
        (group / "pids.max").write_text(str(current + spare))
        yield
        (group / "pids.max").write_text("max")


@contextlib.contextmanager
def little_memory(here: Arena, pids: list[int], spare: int) -> Iterator[None]:
    """Limit how much more memory processes can get."""
    with _group(here, _MEMORY, pids) as group:
        (group / "memory.limit_in_bytes").write_text(str(spare))
        yield


@contextlib.contextmanager
def _group(here: Arena, controller: Path, pids: list[int]) -> Iterator[Path]:
    """Put processes into a group of their own, which is gone after them."""
    if not os.access(controller, os.W_OK) or not (controller / "tasks").exists():
        pytest.skip(f"needs root and the {controller.name} controller of cgroup v1")
    group = controller / f"runforge-{here.root.parent.name}"
    group.mkdir()
    here.afterwards.callback(_remove, group)
    for pid in pids:
        (group / "cgroup.procs").write_text(str(pid))
    yield group


def _remove(group: Path) -> None:
    """Remove a group once its last process has been reaped."""

    def is_gone() -> bool:
        with contextlib.suppress(OSError):
            group.rmdir()
        return not group.exists()

    wait_until(is_gone, f"{group} is empty")
