"""The thread that reads files and single records for the screens: logs, curves, a run, a folder.

A screen says what to read and what shows it. It is read here. It is shown in the painting thread, and only if
the widget still exists. The queue's rows come from the feed, not from here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from textual.message import Message
from textual.widget import Widget

from runforge.errors import explained
from runforge.named import NamedTuple

_Found = TypeVar("_Found")


class Read(Protocol):
    """How a widget lets something be read."""

    def __call__(
        self,
        owner: Widget,
        work: Callable[[], _Found],
        show: Callable[[_Found], None],
        *,
        key: str = "",
        is_awaited: bool = False,
    ) -> None:
        """Call `work` in the reading thread, then `show` with the result in the painting thread.

        While it waits, a later call of the same owner and key replaces it; without a key each is done. Keys that are
        typed meanwhile come after `show` if it is awaited; such a call has no key.
        """


class Answer(Message):
    """Something was read; `problem` says why it could not be read."""

    def __init__(
        self, owner: Widget, show: Callable[[], None], problem: str = "", *, is_awaited: bool = False
    ) -> None:
        self.owner = owner
        self.show = show
        self.problem = problem
        self.is_awaited = is_awaited
        super().__init__()


class _Question(NamedTuple):
    owner: Widget
    work: Callable[[], Callable[[], None]]
    is_awaited: bool


class Background(threading.Thread):
    """Reads one thing after the other until stopped."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        super().__init__(name="runforge-background", daemon=True)
        self._post = post
        self._waiting: dict[object, _Question] = {}
        self._changed = threading.Condition()
        self._is_stopped = False
        #: Readings that keys wait for and that are not answered yet; for the painting thread.
        self.awaited = 0

    def read(
        self,
        owner: Widget,
        work: Callable[[], _Found],
        show: Callable[[_Found], None],
        *,
        key: str = "",
        is_awaited: bool = False,
    ) -> None:
        """Read something; see `Read`."""

        def answer() -> Callable[[], None]:
            found = work()
            return lambda: show(found)

        self.awaited += is_awaited
        with self._changed:
            self._waiting[(owner, key) if key else object()] = _Question(owner, answer, is_awaited)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread; wait for its current reading, but not for long."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        if self.is_alive():  # otherwise the app was ended before
            self.join(timeout=2.0)

    def run(self) -> None:
        """Read and answer, until stopped."""
        while (question := self._next()) is not None:
            try:
                show, problem = question.work(), ""
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: told on the screen
                show, problem = _nothing, explained(error)
            self._post(Answer(question.owner, show, problem, is_awaited=question.is_awaited))

    def _next(self) -> _Question | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopped)
            if self._is_stopped:
                return None
            return self._waiting.pop(next(iter(self._waiting)))


def _nothing() -> None:
    """Show nothing: the reading failed."""
