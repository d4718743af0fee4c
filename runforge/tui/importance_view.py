"""How closely a sweep's metric follows its parameters: a bar for each, or all of them in one line."""

from __future__ import annotations

from rich.text import Text
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from runforge import cells
from runforge.core.importance import Importance
from runforge.text import safe
from runforge.tui import series_looks
from runforge.views import importance_words as words
from runforge.views.trials import Weighed

_BAR = 16
_NAME = 14
#: More parameters than these are only counted.
_MOST = 6


class ImportanceView(Widget):
    """The strongest parameter first; one that may be so by chance is dim."""

    DEFAULT_CSS = """
    ImportanceView { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str, classes: str = "") -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes=classes)
        self._found: Weighed | None = None

    def show(self, found: Weighed) -> None:
        """Show what was found."""
        self._found = found
        self.border_title = Content(safe(f"Importance: {words.title(found)}", 100))
        self.refresh(layout=True)

    @property
    def rows(self) -> int:
        """How many lines it needs to have one for each parameter."""
        found = self._found
        return 1 if found is None or words.why_none(found) else min(_MOST, len(found.parameters))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """Return the lines that it needs where there is room."""
        return self.rows

    def render(self) -> Text:
        """Return the bars, or one line."""
        found = self._found
        if found is None:
            return Text("")
        text = Text(no_wrap=True, end="")
        if why := words.why_none(found):
            text.append(f"Importance: {safe(why, 100)}", "dim")
        elif self.size.height < self.rows:
            self._one_line(text, found)
        else:
            self._bars(text, found)
        return text

    def _one_line(self, text: Text, found: Weighed) -> None:
        """Append as many parameters as have room, then what the numbers are."""
        names, width = words.names(found), self.size.width
        told = [each for each in found.parameters if each.value is not None]
        doubt = "; ?: may be chance" if any(each.may_be_chance for each in told) else ""
        what = safe(f"  {words.title(found)}{doubt}", 120)
        for place, each in enumerate(told):
            piece = f"{safe(names[each.path], _NAME)} {words.number(each)}{'?' if each.may_be_chance else ''}"
            more = f"  +{len(told) - place} more"
            room = width - cells.columns(text.plain) - cells.columns(what if len(what) < width // 2 else "")
            if text.plain and cells.columns(piece) + 2 + len(more) > room:
                text.append(more, "dim")
                break
            text.append("  " if text.plain else "")
            text.append(piece, "dim" if each.may_be_chance else "bold")
        text.append(cells.cut(what, max(0, width - cells.columns(text.plain))), "dim")

    def _bars(self, text: Text, found: Weighed) -> None:
        names = {path: safe(name, 4 * _NAME) for path, name in words.names(found).items()}
        wide = min(_NAME, max(map(cells.columns, names.values())))
        rows = self.size.height
        fits = found.parameters if len(found.parameters) <= rows else found.parameters[: rows - 1]
        for place, each in enumerate(fits):
            text.append("\n" if place else "")
            self._bar(text, each, cells.pad(names[each.path], wide), found.runs)
        if left := len(found.parameters) - len(fits):
            text.append(f"\n+{left} more: `runforge results GROUP --importance` has all", "dim")

    def _bar(self, text: Text, each: Importance, name: str, total: int) -> None:
        style = "dim" if each.may_be_chance or each.value is None else ""
        text.append(f"{name} {words.number(each):>5} ", style or "bold")
        length = round(abs(each.value or 0.0) * _BAR)
        text.append("█" * length + " " * (_BAR - length), style or series_looks.style(0))
        remark = safe(words.remark(each, total), 100)
        text.append(cells.cut(f" {remark}", max(0, self.size.width - cells.columns(name) - _BAR - 7)), "dim")
