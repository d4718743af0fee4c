"""What every screen of the terminal UI has: the bars, the keys that work everywhere, the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from runforge.tui.bars import STATE_STYLES, Key, KeyBar, StatusBar, WarningBar
from runforge.tui.one_layout import OneLayout
from runforge.tui.ports import AppPort
from runforge.tui.row_list import ROW_STYLES
from runforge.tui.seen import Ahead, Window
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import JobView, seconds_so_far

if TYPE_CHECKING:
    from runforge.tui.live import Live

_LISTED = 5
#: Actions that a read-only session refuses: its last line does not offer them. Each decides on what is shown.
CHANGES = {
    *("cancel", "cancel_run", "cancel_group", "retry", "retry_run", "retry_group"),
    *("rerun", "pause", "priority", "daemon"),
    *("new", "edit", "hold", "step", "remove"),
    *("freeze", "give_way", "extend", "stop_rule"),
}


class BaseScreen(OneLayout):
    """A screen between a status line and a line of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help: all keys"),
        Binding("colon", "app.command_palette", "Command palette"),
        Binding("w", "why", "Why it waits, and when it is done: run, group or queue"),
        Binding("D", "daemon", "Daemon: start, take over, stop"),
        Binding("m", "machine", "Machine: cores, memory, GPUs"),
        Binding("R", "reload", "Read and paint everything again"),
        Binding("ctrl+z", "app.suspend_process", "Suspend to the shell"),
        Binding("q", "leave", "Back, or quit from the queue (runs continue)"),
        Binding("Q", "app.quit", "Quit (runs continue)"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {*ROW_STYLES, *STATE_STYLES}
    KEYS: ClassVar[Sequence[Key]] = ()

    @property
    def runforge(self) -> AppPort:
        """The app, as screens know it."""
        return cast("AppPort", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the bars around the content, at once as this size wants it: not again when it is painted."""
        self.update_classes(self._size_classes(), update=False)
        yield StatusBar(self.runforge.workspace, read_only=self.runforge.steering.read_only)
        yield WarningBar(self.runforge.warning)
        yield from self.content()
        yield KeyBar(self.offered_keys())

    def _size_classes(self) -> dict[str, bool]:
        width, height = self.app.size
        sizes = (self.HORIZONTAL_BREAKPOINTS or [], width), (self.VERTICAL_BREAKPOINTS or [], height)
        fitting = set().union(*(self._get_breakpoint_classes(size, list(steps)) for steps, size in sizes))
        return {name: name in fitting for steps, _ in sizes for _, name in steps}

    def offered_keys(self) -> list[Key]:
        """Return the keys for the last line: those that work here."""
        read_only, enter = self.runforge.steering.read_only, "enter" if self.runforge.is_ascii else "↵"
        shown = [key for key in self.KEYS if not (read_only and key.action.split("(")[0] in CHANGES)]
        return [key._replace(key=enter) if key.key == "↵" else key for key in shown]

    def content(self) -> Iterable[Widget]:
        """Return the widgets between the bars."""
        return ()

    #: Whether the widgets exist: from the mounting of the screen to its end.
    is_laid_out = False

    def on_mount(self) -> None:
        """Show the status, now that the widgets exist."""
        self.is_laid_out = True
        self._catch_up()

    def on_unmount(self) -> None:
        """Show nothing more."""
        self.is_laid_out = False

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Show the current status; a new screen does so already."""
        if self.is_laid_out and not self._is_opening:
            self._catch_up()

    def on_screen_suspend(self) -> None:
        """Forget what was said last: whoever comes back has seen it."""
        if self.is_laid_out:
            self.say("")

    def _catch_up(self) -> None:
        if self.runforge.snapshot is not None:
            self.show_snapshot(self.runforge.snapshot)
        self.show_warning(self.runforge.warning)

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Show a new snapshot of the queue."""
        self.query_one(StatusBar).show(snapshot)

    def show_changed(self) -> None:
        """Read what the snapshot does not have: it shows what the user has changed, and the next key is about it."""

    def show_window(self, window: Window) -> None:
        """Show the requested rows of the queue."""

    def show_progress(self, progress: dict[str, Live]) -> None:
        """Show what the running runs report."""

    def show_ahead(self, ahead: Ahead) -> None:
        """Show how long runs and groups still take."""

    def show_warning(self, text: str) -> None:
        """Show what is wrong, or nothing."""
        self.query_one(WarningBar).say(text)

    def tick(self) -> None:
        """Update running times; called each second."""

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action."""
        self.query_one(KeyBar).say(text, is_error=is_error)

    def act(self, change: Callable[[], str]) -> None:
        """Carry out a change and show its result."""
        self.runforge.act(change)

    def ask(self, question: str, details: Sequence[str], change: Callable[[], str]) -> None:
        """Carry out a change if the user says yes."""
        from runforge.tui.dialogs import Confirm

        def answered(is_yes: bool | None) -> None:
            if is_yes:
                self.act(change)

        self.app.push_screen(Confirm(question, details), answered)

    def cancel_jobs(self, jobs: Sequence[JobView]) -> None:
        """Cancel runs; ask first if a running one would be stopped, or if there are many."""
        steering = self.runforge.steering
        running = [job for job in jobs if job.state == "running"]
        queued = sum(job.state == "queued" for job in jobs)
        if self.runforge.steering.read_only or (not running and queued <= _LISTED):
            self.act(lambda: steering.cancel(jobs))
            return
        lines = [f"{job.run_id}  ({seconds_so_far(job) or 0:.0f} s so far)" for job in running[:_LISTED]]
        if len(running) > _LISTED:
            lines.append(f"... and {len(running) - _LISTED} more")
        if queued:
            lines.append(f"{queued} queued run{'s' if queued > 1 else ''} will not start")
        many = f"Stop {len(running)} running run{'s' if len(running) > 1 else ''}"
        question = f"{many}? (TERM, 10 s, KILL)" if running else f"Cancel {queued} queued runs?"
        self.ask(question, lines, lambda: steering.cancel(jobs))

    def action_leave(self) -> None:
        """Go back one screen; quit from the first one."""
        self.runforge.leave()

    def action_reload(self) -> None:
        """Read and paint everything again."""
        self.runforge.feed.hurry()
        self.paint_again()

    def paint_again(self) -> None:
        """Paint everything, whatever the terminal shows."""
        self.runforge.wire.forget()
        self.refresh(layout=True)

    def action_machine(self) -> None:
        """Show the machine."""
        self.runforge.show_machine()

    def why_names(self) -> list[str]:
        """Return what `why` is asked of: a run or a group; nothing is the whole queue."""
        return []

    def action_why(self) -> None:
        """Say what the run waits for, or when the group or the queue is done."""
        from runforge.tui.why_page import WhyPage

        def show(said: list[str]) -> None:
            self.app.push_screen(WhyPage(said))

        names, ask = self.why_names(), self.runforge.read_why
        self.runforge.read(self, lambda: ask(names), show, is_awaited=True)

    def action_daemon(self) -> None:
        """Start, replace or stop the daemon, depending on its state."""
        snapshot, steering = self.runforge.snapshot, self.runforge.steering
        state = snapshot.daemon.state if snapshot else "stopped"
        if state in {"stopped", "died"}:
            self.say("starting a daemon ...")
            self.act(steering.start_daemon)
        elif state == "not_responding":
            self.ask("Take over from the hanging daemon?", ["its runs continue"], steering.take_over)
        else:
            lines = ["running runs continue; nothing new starts until there is a daemon again"]
            self.ask("Stop the daemon?", lines, steering.stop_daemon)

    def action_help(self) -> None:
        """Show every key of this screen."""
        from runforge.tui.dialogs import Help

        self.app.push_screen(Help(self._sections()))

    def commands(self) -> list[Binding]:
        """Return the bindings that the command palette offers."""
        found: dict[str, Binding] = {}
        for bindings in self._bindings.key_to_bindings.values():
            for binding in bindings:
                if _is_offered(binding):
                    found.setdefault(binding.action, binding)
        return list(found.values())

    def _sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        focused: list[tuple[str, Any]] = [("Here", self.focused)] if self.focused else []
        nodes = [*focused, ("This screen", self)]
        seen: set[str] = set()
        sections = []
        for title, node in nodes:
            keys: dict[str, str] = {}
            for key, bindings in node._bindings.key_to_bindings.items():  # noqa: SLF001 - the only list of them
                binding = bindings[0]
                if _is_offered(binding) and key not in seen:
                    seen.add(key)
                    name = binding.description
                    keys[name] = f"{keys[name]} {key_name(key)}" if name in keys else key_name(key)
            sections.append((title, [(shown, name) for name, shown in keys.items()]))
        return sections


def _is_offered(binding: Binding) -> bool:
    """Return whether a key is named to the user: ours are, Textual's own for buttons and selected text are not."""
    return bool(binding.description) and not binding.action.endswith(
        (".copy_text", ".focus_next", ".focus_previous")
    )


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "full_stop": ".",
    "comma": ",",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "tilde": "~",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}


def key_name(key: str) -> str:
    """Return a key's usual name."""
    return _NAMES.get(key, key)
