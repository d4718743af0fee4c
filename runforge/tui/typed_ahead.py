"""Keys that are typed before a long queue is read to its end wait for it: `G` means the last run, whenever it is typed."""

from __future__ import annotations

from textual import events
from textual.app import App

#: A key waits no longer than this.
_MOST_SECONDS = 2.0


class TypedAhead(App[None]):
    """The part of the app that lets keys wait."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: list[events.Event] = []
        self._holds_keys = False

    def hold_keys(self) -> None:
        """Let keys wait from now on."""
        self._holds_keys = True

    def let_keys_go(self) -> None:
        """Let keys wait no longer; those that do come first."""
        self._holds_keys = False
        for event in self._typed:
            self.post_message(event)
        self._typed.clear()

    def read_to_the_end(self) -> None:
        """Ask for the rest now: somebody waits for it."""
        raise NotImplementedError

    async def on_event(self, event: events.Event) -> None:
        """Keep a key that has to wait; handle everything else."""
        if not self._holds_keys or not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        if not self._typed:
            self.set_timer(_MOST_SECONDS, self.let_keys_go)
            self.read_to_the_end()
        self._typed.append(event)
