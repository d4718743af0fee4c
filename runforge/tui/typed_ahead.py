"""Keys are done one after the other, however quickly they are typed: each finds what the one before it has led to.

Textual gives a key at once to what has the focus. That is too early while the key before it still moves the focus,
opens a screen, or has asked for other rows: what was meant for a filter's first run would hit another one. So keys
wait here until nothing is on its way, and nothing is read that they are about. A key that changes something waits until
what was changed before it is shown: a second `p` goes on where the first has paused.
"""

from __future__ import annotations

import asyncio
from collections import deque

from textual import events
from textual.app import App
from textual.command import CommandPalette
from textual.widgets import Input

from runforge.tui.background import Answer, Background
from runforge.tui.base_screen import CHANGES
from runforge.tui.changes import Changes
from runforge.tui.feed import Feed
from runforge.views.queue_snapshot import JobQuery, QueueSnapshot

#: It waits for nothing: the way out where nothing can be read.
_LEAVE = "ctrl+q"
#: The palette does not say when it has found what it looks for: it is asked again so soon.
_SOON = 0.02


class TypedAhead(App[None]):
    """The part of the app that lets keys wait."""

    feed: Feed
    background: Background
    changes: Changes
    job_query: JobQuery
    snapshot: QueueSnapshot | None

    def __init__(self) -> None:
        super().__init__()
        #: What was asked for when the queue could not be read.
        self.unread: JobQuery | None = None
        self._typed: deque[events.Key | events.Paste] = deque()
        self._is_handing_out = False

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action, on any screen."""
        raise NotImplementedError

    async def on_event(self, event: events.Event) -> None:
        """Let a key wait for its turn; handle everything else."""
        if (
            not isinstance(event, (events.Key, events.Paste))
            or event.is_forwarded
            or (isinstance(event, events.Key) and event.key == _LEAVE)
        ):
            await super().on_event(event)
            return
        if not self._typed and self._is_reading_rows():
            self.feed.hurry()  # also for the rest of a long queue
        self._typed.append(event)
        self.hand_out_keys()

    def hand_out_keys(self) -> None:
        """Let the keys go on that wait, if they can: something was read."""
        if self._typed and not self._is_handing_out:
            self._is_handing_out = True
            self.call_next(self._hand_out)

    async def _hand_out(self) -> None:
        """Handle the next key as soon as nothing is on its way any more, and then those after it."""
        if self._is_busy():
            await asyncio.sleep(0)  # the others have their turn
            self.call_later(self._hand_out)
        elif self._typed and not self._is_reading():
            await super().on_event(self._typed.popleft())
            self.call_later(self._hand_out)
        else:
            self._is_handing_out = False
            if self._typed and self._is_searching():
                self.set_timer(_SOON, self.hand_out_keys)

    def _is_busy(self) -> bool:
        """Return whether messages are on their way: a key, a change of the focus, a screen that opens."""
        nodes = (self, *self.screen.walk_children(with_self=True))
        return not self.screen.is_running or any(
            node.is_running and node.message_queue_size for node in nodes
        )

    def _is_reading(self) -> bool:
        """Return whether something is read that the next key is about. A line takes at once what is typed."""
        if isinstance(self.focused, Input):
            return self._is_searching()
        return self.background.awaited > 0 or self._is_reading_rows() or self._is_changing()

    def _is_changing(self) -> bool:
        """Return whether the next key changes something, and what a change before it has led to is not shown yet."""
        key = self._typed[0]
        if not self.changes.are_unseen or not isinstance(key, events.Key):
            return False
        found = self.screen.active_bindings.get(key.key)
        return found is not None and found.binding.action.partition("(")[0] in CHANGES

    def _is_searching(self) -> bool:
        """Return whether the palette still looks for what `enter` is to choose."""
        key = self._typed[0]
        if (
            not isinstance(self.screen, CommandPalette)
            or not isinstance(key, events.Key)
            or key.key != "enter"
        ):
            return False
        return any(worker.node is self.screen and not worker.is_finished for worker in self.workers)

    def _is_reading_rows(self) -> bool:
        """Return whether other rows are wanted than are shown, or more of them: `G` means the last run."""
        if self.unread == self.job_query:
            return False
        snapshot = self.snapshot
        return snapshot is None or not snapshot.is_whole or snapshot.query != self.job_query

    def answered(self, answer: Answer) -> None:
        """Go on when a reading was answered, and shown."""
        self.background.awaited -= answer.is_awaited
        self.hand_out_keys()

    def rows_unread(self) -> None:
        """Go on when the queue could not be read: what was meant for other rows than these is not done."""
        self.unread = self.job_query
        if self._typed and self.snapshot is not None and self.snapshot.query != self.job_query:
            keys = "the key" if len(self._typed) == 1 else f"the {len(self._typed)} keys"
            self._typed.clear()
            self.say(f"not done: {keys} typed since then; these are still the rows of before", is_error=True)
        self.hand_out_keys()

    def tell_of_waiting(self) -> None:
        """Say that keys wait, if that lasts."""
        if self._typed and self._is_reading():
            doing = "changing the queue" if self.changes.are_unseen else "reading"
            self.say(f"still {doing}; what you type is done after that ({_LEAVE} quits)")
        self.hand_out_keys()
