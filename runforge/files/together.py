"""Syncs many files at once: the kernel works on all of them, and the caller waits once.

One after the other, each sync is several pauses for the disk, and on a busy machine each pause costs a turn of the
scheduler. The kernel's AIO does what fsync() does, and tells of each file how that went. Where it is missing (another
system, a sandbox, a file system without it), the files are synced one after the other.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

from runforge.files.durable import sync_one_by_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: So many files are on their way at once at most.
MOST = 64
#: The numbers of io_setup, io_submit and io_getevents on machines with words of 64 bits.
_CALLS = {"x86_64": (206, 209, 208), "aarch64": (0, 2, 4)}
_FSYNC = 2
_SETUP, _SUBMIT, _GETEVENTS = range(3)


class _Order(ctypes.Structure):
    """The kernel's `struct iocb`."""

    _fields_ = (
        ("place", ctypes.c_uint64),
        ("_flags", ctypes.c_uint64),
        ("what", ctypes.c_uint16),
        ("_priority", ctypes.c_int16),
        ("descriptor", ctypes.c_uint32),
        ("_rest", ctypes.c_uint64 * 5),
    )


class _Event(ctypes.Structure):
    """The kernel's `struct io_event`."""

    _fields_ = (
        ("place", ctypes.c_uint64),
        ("_order", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("_more", ctypes.c_int64),
    )


def sync(descriptors: Sequence[int]) -> list[int]:
    """Sync open files and folders; return for each the number of the disk's error, 0 if it is durable."""
    queue = _queue(os.getpid())
    begun = _begin(queue, descriptors[:MOST]) if queue is not None else 0
    others = sync_one_by_one(descriptors[begun:])
    return [*(_ended(queue, begun) if queue is not None else ()), *others]


def _begin(queue: ctypes.c_ulong, descriptors: Sequence[int]) -> int:
    """Let the kernel begin; return how many it has taken, from the first on."""
    count = len(descriptors)
    orders = (_Order * count)(*(_Order(place, 0, _FSYNC, 0, each) for place, each in enumerate(descriptors)))
    first, size = ctypes.addressof(orders), ctypes.sizeof(_Order)
    pointers = (ctypes.c_void_p * count)(*range(first, first + count * size, size))
    return max(0, _call(_SUBMIT, queue, ctypes.c_long(count), pointers))


def _ended(queue: ctypes.c_ulong, count: int) -> list[int]:
    """Wait for so many; return their errors in the order in which they were begun."""
    found = [0] * count
    events = (_Event * count)()
    while count:
        got = max(0, _call(_GETEVENTS, queue, ctypes.c_long(count), ctypes.c_long(count), events, None))
        for event in events[:got]:  # none if a signal came
            found[event.place] = -event.result
        count -= got
    return found


@cache
def _queue(_pid: int) -> ctypes.c_ulong | None:
    """Return the queue of this process, which its forks do not have; None if the kernel gives none."""
    if not _numbers:
        return None
    queue, nothing = ctypes.c_ulong(0), ctypes.c_long(0)
    is_made = _call(_SETUP, ctypes.c_long(MOST), ctypes.byref(queue)) == 0
    # A sandbox may allow the one and refuse the other.
    return queue if is_made and _call(_GETEVENTS, queue, nothing, nothing, None, None) == 0 else None


def _call(which: int, *arguments: object) -> int:
    return int(_syscall(ctypes.c_long(_numbers[which]), *arguments))


_has_words = sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == ctypes.sizeof(ctypes.c_uint64)
_numbers = _CALLS.get(os.uname().machine, ()) if _has_words else ()
#: Looked up here: a library notes what is looked up in it, and then no new worker of a supervisor would be kept.
_syscall = ctypes.CDLL(None).syscall
