"""The attempts that a local backend watches: through a kernel handle, or by polling without one.

These are open handles; none of this is stored on disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runforge.backends.base import AttemptRef, Watch
from runforge.clock import Clock

#: Seconds between two looks at attempts without a kernel handle.
POLL_SECONDS = 0.5


@dataclass(slots=True)
class Watched:
    """One attempt as this process sees it."""

    ref: AttemptRef
    #: Readable when the attempt or its supervisor has ended. None without one, or before the zygote's answer.
    handle: int | None = None
    #: The zygote has not answered yet.
    is_launching: bool = False
    #: The folder where an earlier life of the run still runs. The attempt waits for it. None for its own
    #: folder.
    folder: Path | None = None
    #: Its processes that could not be killed.
    unkillable: tuple[int, ...] = ()


class WatchList:
    """Knows which attempts must be inspected now."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock
        self._known: dict[str, Watched] = {}
        self._over: list[str] = []
        self._next_poll = 0.0

    def add(self, ref: AttemptRef, *, is_launching: bool = False) -> Watched:
        """Watch an attempt from now on."""
        watched = self._known[ref.token] = Watched(ref, is_launching=is_launching)
        return watched

    def get(self, token: str) -> Watched | None:
        """Return a watched attempt by its token."""
        return self._known.get(token)

    @property
    def tokens(self) -> frozenset[str]:
        """The tokens of all watched attempts."""
        return frozenset(self._known)

    def attach(self, watched: Watched, handle: int | None) -> None:
        """Let the handle wake the loop. Without a handle the attempt is polled."""
        watched.handle = handle
        if handle is not None:
            self._watch.add(handle, lambda: self._ended(watched))

    def _ended(self, watched: Watched) -> None:
        self._release(watched)
        self._over.append(watched.ref.token)

    def _release(self, watched: Watched) -> None:
        if watched.handle is not None:
            self._watch.remove(watched.handle)
            with contextlib.suppress(OSError):
                os.close(watched.handle)
            watched.handle = None

    def due(self) -> Iterator[str]:
        """Yield the tokens of attempts that have ended, and of those without a handle if it is time."""
        over, self._over = self._over, []
        yield from over
        now = self._clock.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + POLL_SECONDS
        for token, watched in list(self._known.items()):
            if watched.handle is None and not watched.is_launching and token not in over:
                yield token

    def forget(self, token: str) -> None:
        """Stop watching an attempt."""
        watched = self._known.pop(token, None)
        if watched is not None:
            self._release(watched)

    def needs_polling(self) -> bool:
        """Return whether an attempt has no handle that would wake the loop."""
        return any(watched.handle is None for watched in self._known.values())

    def close(self) -> None:
        """Close every handle."""
        for watched in self._known.values():
            self._release(watched)
        self._known.clear()
