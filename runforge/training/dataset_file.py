"""Opens a dataset: only a regular file on a disk, and no file of the kernel.

/proc, /sys and /dev show environments, memory and devices, which may contain secrets. The file is opened
before it is checked, so that a link cannot be exchanged in between.
"""

from __future__ import annotations

import os
import stat

from runforge import blocks
from runforge.errors import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from runforge.paths import Path

_KERNELS = ("/proc", "/sys", "/dev")
#: A normal file system in memory, below /dev; for workspaces that are there.
_MEMORY_DISK = "/dev/shm/"  # noqa: S108 - nothing is made there
#: File systems without files of users, wherever they are mounted.
_KINDS = frozenset(
    {
        *("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs"),
        *("configfs", "pstore", "bpf", "mqueue", "binfmt_misc", "efivarfs", "fusectl", "selinuxfs", "nsfs"),
    }
)


def open_dataset(path: Path) -> TextIO:
    """Open a dataset as text, with unchanged line ends; Missing if it cannot or must not be read."""
    try:
        held = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            _require_plain(path, held)
            # The checked file is opened, not what the name means now. It was not really opened before: a
            # device may act on an open, and a pipe would wait for its writer.
            descriptor = os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        finally:
            os.close(held)
    except FileNotFoundError:
        raise Missing(
            f"dataset not found: {path}", fix="Check dataset.path; it is relative to the workspace"
        ) from None
    except OSError as error:
        raise Missing(f"dataset cannot be read: {error.strerror}", where=str(path)) from None
    return open(descriptor, newline="", encoding="utf-8-sig")


def _require_plain(path: Path, held: int) -> None:
    info = os.fstat(held)
    if not stat.S_ISREG(info.st_mode):
        raise Missing("the dataset is not a regular file", where=str(path), fix="Give a CSV file")
    real = os.readlink(f"/proc/self/fd/{held}")
    is_at_home = str(path).startswith(_MEMORY_DISK) and real.startswith(_MEMORY_DISK)
    is_below = any(real.startswith(f"{folder}/") for folder in _KERNELS)
    if (is_below and not is_at_home) or _kind_of(info.st_dev) in _KINDS:
        raise Missing(
            "the dataset leads into /proc, /sys or /dev, where no datasets are",
            where=str(path),
            fix="Give a CSV file",
        )


def _kind_of(device: int) -> str | None:
    """Return the type of the file system with this device number, if the kernel says it."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with (
        blocks.suppress(OSError),
        open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as lines,
    ):
        for line in lines:
            mount, _, kind = line.partition(" - ")
            if mount.split(" ", 3)[2] == number:
                return kind.split(" ", 1)[0]
    return None
