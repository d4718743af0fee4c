"""What the watching thread tells the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from runforge.tui.live import Live
    from runforge.tui.seen import Ahead, Window
    from runforge.views.queue_snapshot import QueueSnapshot


class SnapshotRead(Message):
    """The queue has changed, or the query has."""

    def __init__(self, snapshot: QueueSnapshot, window: Window, look: int) -> None:
        self.snapshot = snapshot
        self.window = window
        #: The last of the looks that were asked for before it was read (`Feed.hurry`).
        self.look = look
        super().__init__()


class WindowRead(Message):
    """Other rows of the same snapshot are visible."""

    def __init__(self, window: Window) -> None:
        self.window = window
        super().__init__()


class ReadFailed(Message):
    """The journal cannot be read now."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__()


class ProgressRead(Message):
    """What the running jobs report, by run."""

    def __init__(self, progress: dict[str, Live]) -> None:
        self.progress = progress
        super().__init__()


class AheadRead(Message):
    """Estimates were made."""

    def __init__(self, ahead: Ahead) -> None:
        self.ahead = ahead
        super().__init__()
