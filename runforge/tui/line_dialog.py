"""A window with one line to type: while it is typed it says what it would do, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from runforge.errors import RunForgeError, explained
from runforge.text import safe
from runforge.tui.ports import AppPort

_MOST = 300


class LineDialog(ModalScreen[None]):
    """`look` says what a text would do and changes nothing; `change` does it. What they raise is told in the window."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close without a change")]
    DEFAULT_CSS = """
    LineDialog { align: center middle; background: $background 60%; }
    LineDialog > Vertical { width: 90%; max-width: 90; height: auto; max-height: 100%; padding: 0 2;
                            background: $surface; border: round $primary; }
    LineDialog Static { width: 100%; height: auto; }
    LineDialog Input { border: none; height: 1; padding: 0; margin: 1 0; background: $boost; }
    LineDialog #told.-error { color: $text-error; }
    App:nocolor LineDialog #told.-error { text-style: bold reverse; }
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        *,
        look: Callable[[str], str],
        change: Callable[[str], str],
        does: str,
        text: str = "",
        hint: str = "",
    ) -> None:
        super().__init__()
        self._title, self._lines = title, lines
        self._look, self._change, self._does = look, change, does
        self._start, self._hint = text, hint
        self._is_changing = False

    def compose(self) -> ComposeResult:
        """Lay out what there is to know, the line, and what it would do."""
        head = Text(safe(self._title, _MOST), "bold")
        for line in self._lines:
            head.append(f"\n  {safe(line, _MOST)}", "not bold")
        with Vertical():
            yield Static(head, markup=False)
            yield Input(self._start, placeholder=self._hint, compact=True, select_on_focus=False)
            yield Static("", id="told", markup=False)
            enter = "enter" if self._app.is_ascii else "↵"
            yield Static(Text(f"\n{enter} {self._does}    esc close", "bold"), markup=False)

    @property
    def _app(self) -> AppPort:
        return cast("AppPort", self.app)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """Say what the text would do. The newest text replaces one that waits to be looked at."""
        text = event.value
        if not text.strip():
            self._tell("", is_error=False)
            return

        def look() -> tuple[str, bool]:
            try:
                return self._look(text), False
            except RunForgeError as error:
                return explained(error), True

        self._app.read(self, look, lambda found: self._looked(text, *found), key="look")

    def _looked(self, text: str, told: str, is_error: bool) -> None:
        if self._has(text):
            self._tell(told, is_error=is_error)

    def _has(self, text: str) -> bool:
        """Return whether this is what the line has now."""
        return text == self.query_one(Input).value

    def _tell(self, text: str, *, is_error: bool) -> None:
        told = self.query_one("#told", Static)
        told.set_class(is_error, "-error")
        told.update(Text(safe(text, 2 * _MOST)))

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        if self._is_changing:
            return
        self._is_changing = True
        text = event.value
        self._app.act(
            lambda: self._change(text), lambda said, is_error: self._changed(text, said, is_error=is_error)
        )

    def _changed(self, text: str, said: str, *, is_error: bool) -> None:
        """Close, or stay with what is wrong; below the line only if the line still has this text."""
        self._is_changing = False
        is_open = self.is_attached and self.is_current
        if is_error and is_open and self._has(text):
            self._tell(said, is_error=True)
            return
        if is_open and not is_error:
            self.dismiss(None)
        self._app.say(said, is_error=is_error)

    def action_close(self) -> None:
        """Close without a change."""
        self.dismiss(None)
