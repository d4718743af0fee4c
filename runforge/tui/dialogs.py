"""Windows over a screen: a question before something that is hard to undo, and help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from runforge.text import safe


class Confirm(ModalScreen[bool]):
    """A question. y means yes; every other key changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q,enter", "answer(False)", "No"),
    ]
    DEFAULT_CSS = """
    Confirm { align: center middle; background: $background 60%; }
    Confirm > Static { width: auto; max-width: 90%; height: auto; max-height: 90%; padding: 1 2;
                       background: $surface; border: round $warning; }
    """

    def __init__(self, question: str, details: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._details = details

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        text = Text(safe(self._question), "bold")
        for line in self._details:
            text.append(f"\n  {safe(line, 200)}", "not bold")
        text.append("\n\ny yes    n no", "bold")
        yield Static(text, markup=False)

    def action_answer(self, is_yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(is_yes)


class Choose(ModalScreen[frozenset[str]]):
    """A list of things that are shown or not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down"),
        Binding("up,k", "move(-1)", "Up"),
        Binding("space,enter", "flip", "Show or hide"),
        Binding("escape,q,V", "close", "Close"),
    ]
    DEFAULT_CSS = """
    Choose { align: center middle; background: $background 60%; }
    Choose > Static { width: auto; height: auto; max-height: 90%; padding: 1 2; background: $surface;
                      border: round $primary; }
    """

    def __init__(self, title: str, names: Mapping[str, str], hidden: frozenset[str]) -> None:
        super().__init__()
        self._title = title
        self._names = names
        self._hidden = hidden
        self._at = 0

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        yield Static(self._text(), markup=False)

    def _text(self) -> Text:
        text = Text(self._title, "bold")
        for place, (key, name) in enumerate(self._names.items()):
            sign = "[ ]" if key in self._hidden else "[x]"
            text.append(f"\n {sign} {name.lower():<12} ", "reverse" if place == self._at else "not bold")
        text.append("\n\nspace show or hide    esc close", "dim")
        return text

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._at = (self._at + by) % len(self._names)
        self.query_one(Static).update(self._text())

    def action_flip(self) -> None:
        """Show what is hidden, or the other way round."""
        self._hidden ^= {list(self._names)[self._at]}
        self.query_one(Static).update(self._text())

    def action_close(self) -> None:
        """Close with what is hidden now."""
        self.dismiss(self._hidden)


class Help(ModalScreen[None]):
    """All keys of the screen below; it scrolls, and typing filters it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,enter", "close", "Close")]
    DEFAULT_CSS = """
    Help { align: center middle; background: $background 60%; }
    Help > VerticalScroll { width: 90%; max-width: 100; height: 90%; background: $surface; border: round $primary;
                            padding: 0 1; }
    Help Static { width: 100%; }
    Help Input { border: none; height: 1; padding: 0; }
    """

    def __init__(self, sections: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """Lay out the keys."""
        with VerticalScroll(can_focus=False):
            yield Input(placeholder="type to search; esc closes", compact=True, select_on_focus=False)
            yield Static(self._text(""), markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the keys that match."""
        self.query_one(Static).update(self._text(event.value.lower()))

    def on_key(self, event: events.Key) -> None:
        """Scroll with the keys that the input does not use."""
        by = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}.get(event.key)
        if by is not None:
            self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
            event.stop()

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)

    def _text(self, wanted: str) -> Text:
        text = Text()
        for title, keys in self._sections:
            found = [pair for pair in keys if wanted in f"{pair[0]} {pair[1]}".lower()]
            if not found:
                continue
            text.append(f"\n{title}\n", "bold underline")
            for key, does in found:
                text.append(f"  {key:<16}", "bold")
                text.append(f"{does}\n")
        return text if text.plain else Text("\nNo key does that. : opens the command palette.")
