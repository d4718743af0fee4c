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

_PIDS = Path("/sys/fs/cgroup/pids")


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
    """Write until not a byte more fits, or so many are written; then give `but` bytes back."""
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
    """Let processes have only so many more beside them."""
    if not os.access(_PIDS, os.W_OK) or not (_PIDS / "tasks").exists():
        pytest.skip("needs root and the pids controller of cgroup v1")
    group = _PIDS / f"runforge-{here.root.parent.name}"
    group.mkdir()
    try:
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        current = int((group / "pids.current").read_text("ascii"))
        (group / "pids.max").write_text(str(current + spare))
        yield
        (group / "pids.max").write_text("max")
    finally:
        here.afterwards.callback(group.rmdir)
