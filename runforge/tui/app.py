"""The terminal UI: shows and controls the queue of one workspace. It may stay open for weeks.

It reads through `runforge.views` and writes through `runforge.queue`. To close or kill it changes nothing in
the queue.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import WorkerCancelled

from runforge.text import safe
from runforge.tui import choices, terminal
from runforge.tui.ascii import AsciiFilter
from runforge.tui.background import Answer, Background
from runforge.tui.bars import daemon_warning, guard_warning
from runforge.tui.base_screen import BaseScreen
from runforge.tui.beginning import Beginning, begin
from runforge.tui.changes import Changes
from runforge.tui.choices import Choices
from runforge.tui.driver import taking_over
from runforge.tui.endings import Endings
from runforge.tui.look import CSS
from runforge.tui.messages import AheadRead, ProgressRead, ReadFailed, SnapshotRead, WindowRead
from runforge.tui.opening import Opening
from runforge.tui.ports import AppPort
from runforge.tui.queue_screen import QueueScreen
from runforge.tui.reading import Reading
from runforge.tui.seen import Ahead, Window
from runforge.tui.steering import DaemonKeys, Steering
from runforge.tui.wire import Wire
from runforge.views.queue_snapshot import JobQuery, QueueSnapshot
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.tui.live import Live
    from runforge.tui.log_view import LogView

_TICK_SECONDS = 1.0
_SAMPLE_SECONDS = 5.0
#: So long the first paint waits for the queue: to paint it twice takes longer than to read nearly all queues.
_FIRST_SECONDS = 1.0
_INTERNAL = 4
#: The workers that carry out the user's changes.
_ACTIONS = "actions"


class RunForgeApp(Reading, Opening):
    """The screens of one workspace."""

    TITLE = "RunForge"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {lambda: _provider("KeyCommands"), lambda: _provider("FoundInQueue")}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit (runs continue)", show=False, priority=True),
    ]
    CSS = CSS

    def __init__(
        self,
        workspace: Workspace,
        daemon: DaemonKeys,
        *,
        read_only: bool = False,
        ascii_only: bool = False,
        bell: bool = False,
        seconds: float | None = None,
        choices_file: Path | None = None,
        begun: Beginning | None = None,
    ) -> None:
        super().__init__()
        if begun is None:
            chosen = choices.read(choices_file) if choices_file else Choices()
            begun = begin(workspace, chosen, file=choices_file, seconds=seconds)
        self.workspace = workspace
        self._plain = AsciiFilter(enabled=ascii_only)
        self.is_ascii = ascii_only
        self._choices_file, self.choices = begun.file, begun.choices
        self._rings = bell or self.choices.bell
        self._endings = Endings()
        self.steering = Steering(workspace, daemon, read_only)
        self.feed, self.job_query = begun.feed, begun.query
        self.changes = Changes(self.feed.hurry)
        self.background = Background(self.post_message)
        self.read = self.background.read
        self.wire = Wire()
        self.snapshot: QueueSnapshot | None = None
        self.window = Window({}, {})
        self.live: dict[str, Live] = {}
        self.ahead = Ahead()
        self.warning = ""
        self.exit_code = 0
        self.failure: Exception | None = None
        self._problem = ""
        self._is_leaving = False
        self._watches_machine = False
        self.animation_level = "none"
        if (first := begun.feed.first(_FIRST_SECONDS)) is not None:
            self._take(*first)
            self._warn()

    def get_default_screen(self) -> Screen[Any]:
        """Start with the queue."""
        return QueueScreen()

    def on_load(self) -> None:
        """Hear signals before the terminal is changed."""
        terminal.on_signals(self._leave_on_signal)

    def on_mount(self) -> None:
        """Start to watch the journal."""
        self.call_after_refresh(_tidy)
        if self.choices.theme in self.available_themes:
            self.theme = self.choices.theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.feed.tell(self.post_message)
        self.background.start()
        self.set_interval(_TICK_SECONDS, self._tick)

    def on_unmount(self) -> None:
        """Close the journal."""
        self.feed.stop()
        self.background.stop()

    def _leave_on_signal(self, code: int) -> None:
        self.exit_code = code
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """Restore the terminal and let the command line report the error in one line."""
        if self._exit:  # it ends anyway, perhaps while a screen is only half there
            return
        if self.failure is None:
            self.failure = error
        self.exit_code = _INTERNAL
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the ASCII filter if the user wants ASCII."""
        # Without colours means: those of the terminal, not Textual's own greys.
        found = [NoColor() if isinstance(each, Monochrome) else each for each in super().get_line_filters()]
        return [*found, *([self._plain] if self._plain.enabled else [])]

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Write only what has changed: over SSH each byte counts."""
        super()._display(screen, self.wire.thinned(renderable, screen.outer_size))

    def ask_for(self, query: JobQuery) -> None:
        """Show other jobs, or another order."""
        self.job_query = query
        self.feed.ask(query)

    def on_snapshot_read(self, message: SnapshotRead) -> None:
        """Show a new snapshot of the queue."""
        news = self._take(message.snapshot, message.window)
        for screen in self._shown():
            screen.show_snapshot(message.snapshot)
        if self.changes.seen(message.look):
            for screen in self._shown():
                screen.show_changed()
        self._warn()
        if news and self._rings:
            self._ring(news)
            self.say(news)
        self.hand_out_keys()

    def _take(self, snapshot: QueueSnapshot, window: Window) -> str:
        """Take over what was read; return what has ended since then."""
        self.snapshot, self.window, self._problem, self.unread = snapshot, window, "", None
        return self._endings.news(snapshot)

    def on_window_read(self, message: WindowRead) -> None:
        """Show other rows of the queue."""
        self.window = message.window
        for screen in self._shown():
            screen.show_window(message.window)

    def on_answer(self, message: Answer) -> None:
        """Give a widget what was read for it, if it still exists."""
        if message.problem:
            self.say(message.problem, is_error=True)
        elif message.owner.is_attached and message.owner.is_running and not self._exit:
            message.show()
        self.answered(message)

    def on_read_failed(self, message: ReadFailed) -> None:
        """Say why the queue cannot be read; the old one stays on the screen."""
        self._problem = message.problem
        self.changes.unseen()
        self.rows_unread()
        self._warn()

    def on_progress_read(self, message: ProgressRead) -> None:
        """Show what the running jobs report."""
        self.live = message.progress
        for screen in self._shown():
            screen.show_progress(message.progress)

    def on_ahead_read(self, message: AheadRead) -> None:
        """Show how long runs and groups still take."""
        self.ahead = message.ahead
        for screen in self._shown():
            screen.show_ahead(message.ahead)

    def _tick(self) -> None:
        for screen in self._shown():
            screen.tick()
        self._warn()
        self.tell_of_waiting()

    def _shown(self) -> list[BaseScreen]:
        """Return the visible screen, also below a dialog. Other screens read again when they are resumed."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, BaseScreen):
                return [screen] if screen.is_laid_out and screen.is_running and not self._exit else []
        return []

    def _warn(self) -> None:
        warning = self._problem or (
            daemon_warning(self.snapshot.daemon, self.snapshot) or guard_warning(self.snapshot)
            if self.snapshot
            else ""
        )
        if warning != self.warning:
            self.warning = warning
            for screen in self._shown():
                screen.show_warning(warning)

    def act(self, change: Callable[[], str], told: Callable[[str, bool], None] | None = None) -> None:
        """Carry out a change in a thread after those before it, show its result, and read the queue again."""
        told = told or (lambda said, is_error: self.say(said, is_error=is_error))
        self.run_worker(self._act(self.changes.asked(change), told), group=_ACTIONS)

    @staticmethod
    async def _act(answer: Awaitable[tuple[str, bool]], told: Callable[[str, bool], None]) -> None:
        told(*await answer)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action, on any screen."""
        for screen in self._shown():
            screen.say(text, is_error=is_error)

    def leave(self) -> None:
        """Go back one screen; from the queue quit."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._is_leaving:
            self.exit()
        else:
            self._is_leaving = True
            self.run_worker(self._exit_when_acted())

    async def _exit_when_acted(self) -> None:
        """Quit when all changes of the user are done. A second `q` does not wait."""
        asked = [worker for worker in self.workers if worker.group == _ACTIONS]
        if asked:
            with contextlib.suppress(WorkerCancelled):  # by the second `q`
                await self.workers.wait_for_complete(asked)
        self.exit()

    def watch_machine(self) -> None:
        """Take note of the machine from now on, whatever is on the screen."""
        if not self._watches_machine:
            self._watches_machine = True
            self.set_interval(_SAMPLE_SECONDS, self._sample)

    def _sample(self) -> None:
        if self.history.age(time.monotonic()) >= _SAMPLE_SECONDS - 1:
            self.read(self.screen, self.read_machine, _nothing, key="sample")

    def choose(self, chosen: Choices) -> None:
        """Keep a choice for the next time; it is written in the reading thread."""
        self.choices = chosen
        if (file := self._choices_file) is not None:
            self.read(self.screen, lambda: choices.write(file, chosen), _nothing, key="choices")

    def toggle_bell(self) -> None:
        """Ring when a group or the queue has ended, or no longer."""
        self._rings = not self._rings
        self.choose(self.choices._replace(bell=self._rings))
        self.say(f"the bell is {'on' if self._rings else 'off'}")

    def _ring(self, said: str) -> None:
        """Tell the terminal by bell and by OSC 9, which many show as a notification of the desktop."""
        self.bell()
        if self._driver is not None and not self.is_ascii:
            self._driver.write(f"\x1b]9;RunForge: {safe(said)}\x07")

    def _keep_theme(self, theme: Theme) -> None:
        if theme.name != self.choices.theme:
            self.choose(self.choices._replace(theme=theme.name))

    def on_log_view_wrapped(self, message: LogView.Wrapped) -> None:
        """Remember that lines are wrapped."""
        self.choose(self.choices._replace(wrap=message.is_wrapped))


def _provider(name: str) -> type[Provider]:
    """Return a part of the palette; the first paint does not wait for it."""
    from runforge.tui import palette

    found: type[Provider] = getattr(palette, name)
    return found


def _tidy() -> None:
    """Collect garbage from now on, if that was put off: until the first paint, all that was made is still in use."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _nothing(_: object) -> None:
    """Show nothing."""


def run(
    workspace: Workspace,
    daemon: DaemonKeys,
    begun: Beginning,
    *,
    read_only: bool = False,
    ascii_only: bool = False,
    mouse: bool = True,
    bell: bool = False,
    hand_over: Callable[[], bool] | None = None,
) -> int:
    """Show the screens until the user leaves; return the exit code. If they crash, the terminal is restored first.

    `hand_over` says whether the alternate screen is on already; from then on it is Textual's.
    """
    terminal.watch()
    app = RunForgeApp(workspace, daemon, read_only=read_only, ascii_only=ascii_only, bell=bell, begun=begun)
    if hand_over is not None:
        app.driver_class = taking_over(hand_over)
    app.run(mouse=mouse)
    if app.failure is not None:
        raise app.failure
    return app.exit_code


if TYPE_CHECKING:  # the app is what the screens expect
    _PORT: type[AppPort] = RunForgeApp
