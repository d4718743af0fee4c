"""A window with the answer to "why": what a run waits for, or when a group or the queue is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from runforge.text import safe


class WhyPage(ModalScreen[None]):
    """The answer; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,w,enter", "close", "Close")]
    DEFAULT_CSS = """
    WhyPage { align: center middle; background: $background 60%; }
    WhyPage > VerticalScroll { width: auto; max-width: 90%; height: auto; max-height: 90%; padding: 1 2;
                               background: $surface; border: round $primary; }
    WhyPage Static { width: auto; }
    """

    def __init__(self, said: Sequence[str]) -> None:
        super().__init__()
        self._said = said

    def compose(self) -> ComposeResult:
        """Lay out the lines."""
        head, *rest = self._said or [""]
        text = Text(safe(head), "bold")
        for line in rest:
            text.append(f"\n{safe(line)}", "not bold")
        with VerticalScroll():
            yield Static(text, markup=False)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
