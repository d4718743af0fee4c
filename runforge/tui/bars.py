"""The one-line bars of a screen: the status, what is wrong, what the keys do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from runforge import cells
from runforge.named import NamedTuple
from runforge.text import safe
from runforge.views.daemon_status import DaemonStatus
from runforge.views.labels import pause_words
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.workspace import Workspace

_SAID_SECONDS = 6.0
#: How many groups or runs a warning names.
_TOLD = 2
#: How the warnings begin that are about nothing wrong.
_NO_DAEMON = "No daemon"
_DAEMON_STYLES = {"running": "good", "stopping": "mild", "died": "bad", "not_responding": "bad"}


#: The styles of states in the status line; their colours are those of the rows below. The screen has them.
STATE_STYLES = frozenset(
    f"state--{name}"
    for name in ("running", "queued", "failed", "succeeded", "canceled", "good", "mild", "bad")
)


class StatusBar(Widget):
    """The workspace, its daemon, the slots and the counts."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $panel; color: $foreground; }"

    def __init__(self, workspace: Workspace, *, read_only: bool) -> None:
        super().__init__()
        self._read_only = read_only
        self._folder = safe(str(workspace.root))
        self._snapshot: QueueSnapshot | None = None
        self._shown = ""

    def show(self, snapshot: QueueSnapshot) -> None:
        """Show a new snapshot; painted only if the text changes."""
        self._snapshot = snapshot
        text = self._text(self.size.width or self.app.size.width).plain
        if text != self._shown:
            self._shown = text
            self.refresh()

    def render(self) -> Text:
        """Return the line."""
        return self._text(self.size.width)

    def _style(self, name: str) -> Style:
        if not name:
            return Style(dim=True)
        return self.screen.get_component_rich_style(f"state--{name}", partial=True)

    def _text(self, width: int) -> Text:
        snapshot = self._snapshot
        if snapshot is None:
            return Text(" RunForge", style="bold", no_wrap=True)
        text = Text(no_wrap=True, end="")
        daemon = snapshot.daemon.state
        text.append(f" ● {daemon.replace('_', ' ')}", self._style(_DAEMON_STYLES.get(daemon, "")))
        if self._read_only:
            text.append("  read-only", self._style("mild"))
        text.append(f"  slots {snapshot.slots_used}/{snapshot.daemon.max_parallel}")
        if width >= 90:
            text.append(f"  gpu {snapshot.gpu_slots_used}/{snapshot.daemon.gpu_slots}")
        for state in _STATES:
            count = snapshot.counts[state]
            if count or state in {"running", "queued"}:
                name = state if width >= 110 else cells.SYMBOLS[state][0]
                text.append(f"  {name} {count:,}", self._style(state))
        room = width - len(text) - 3
        if room > 8:
            name = cells.cut(self._folder, room, keep_end=True)
            text.append(" " * (room - cells.columns(name) + 2) + name + " ", "dim")
        return text


_STATES = ("running", "queued", "failed", "succeeded", "canceled")


class WarningBar(Widget):
    """Says what is wrong and what to do about it; takes no room while all is well."""

    DEFAULT_CSS = """
    WarningBar { height: auto; max-height: 3; background: $error; color: $text; text-style: bold; display: none; }
    WarningBar.-mild { background: $warning; }
    """

    def __init__(self, text: str) -> None:
        super().__init__(classes="-mild" if _is_mild(text) else None)
        self._said = text
        self.display = bool(text)

    def say(self, text: str) -> None:
        """Show the text; an empty text hides the bar."""
        if text == self._said:
            return
        self._said = text
        self.set_class(_is_mild(text), "-mild")
        self.display = bool(text)
        self.refresh(layout=True)

    def render(self) -> Text:
        """Return the text."""
        return Text(f" {safe(self._said)}")


def _is_mild(text: str) -> bool:
    return text.startswith(_NO_DAEMON)


def _live_warning(daemon: DaemonStatus) -> str:
    if daemon.shortage is not None:
        return f"Nothing is launched: {daemon.shortage.text}"
    return f"Slurm: {daemon.backend_note}" if daemon.backend_note is not None else ""


def daemon_warning(daemon: DaemonStatus, snapshot: QueueSnapshot) -> str:
    """Return what is wrong with the daemon and which key repairs it, or an empty text."""
    if daemon.state == "died":
        return (
            f"The daemon (pid {daemon.pid}) died. Runs continue without it; D starts a new one to adopt them."
        )
    if daemon.state == "not_responding":
        age = f", last heartbeat {daemon.heartbeat_age:.0f} s ago" if daemon.heartbeat_age is not None else ""
        return f"The daemon (pid {daemon.pid}) does not respond{age}. D takes over from it; runs continue."
    if daemon.state != "stopped":
        return _live_warning(daemon)
    waiting, working = snapshot.counts["queued"], snapshot.counts["running"]
    if waiting:
        return f"{_NO_DAEMON} is running: {waiting:,} queued runs wait. D starts one."
    if working:
        return f"{_NO_DAEMON} is running; runs that continue without it: {working:,}. D starts one to adopt them."
    return ""


def guard_warning(snapshot: QueueSnapshot) -> str:
    """Return which breakers have paused groups, and which runs give no sign of life; an empty text if none."""
    tripped = [
        group for group in snapshot.groups if group.paused_by == "breaker" and group.status == "running"
    ]
    stalled = [job for job in snapshot.running if job.waiting == "stalled"]
    said = [f"{group.name} is {pause_words(group)}" for group in tripped[:_TOLD]]
    if len(tripped) > _TOLD:
        said.append(f"{len(tripped) - _TOLD} more groups are paused by their breakers")
    if stalled:
        numbers = ", ".join(str(job.number) for job in stalled[:_TOLD])
        more = f" and {len(stalled) - _TOLD} more" if len(stalled) > _TOLD else ""
        said.append(f"No sign of life from {numbers}{more}")
    return ". ".join(said)


class Key(NamedTuple):
    """A key, and the action that a click on it runs."""

    key: str
    does: str
    action: str


class KeyBar(Widget):
    """Shows what the keys do here; for some seconds after an action, its result."""

    DEFAULT_CSS = """
    KeyBar { height: auto; max-height: 3; min-height: 1; dock: bottom; background: $panel; color: $foreground; }
    KeyBar.-error { background: $error; color: $text; }
    KeyBar.-said { background: $success-muted; color: $foreground; }
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys
        self._said = ""
        self._spans: list[tuple[int, int, str]] = []
        self._serial = 0

    def offer(self, keys: Sequence[Key]) -> None:
        """Show other keys."""
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action for a while."""
        self._said = text
        self._serial += 1
        self.set_class(is_error, "-error")
        self.set_class(bool(text) and not is_error, "-said")
        self.refresh(layout=True)
        if text:
            serial = self._serial
            self.set_timer(_SAID_SECONDS * (2 if is_error else 1), lambda: self._unsay(serial))

    def _unsay(self, serial: int) -> None:
        if serial == self._serial:
            self.say("")

    def render(self) -> Text:
        """Return the keys, or the message."""
        width = self.size.width
        self._spans = []
        if self._said:
            return Text(f" {safe(self._said)}")
        text = Text(no_wrap=True, end="")
        for key in self._keys:
            start = len(text)
            piece = f" {key.key} {key.does} "
            if start + len(piece) > width:
                continue
            text.append(f" {key.key}", "bold")
            text.append(f" {key.does} ", "dim")
            self._spans.append((start, len(text), key.action))
        return text

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the clicked key."""
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.screen.run_action(action)
                return
