"""The columns of a list: which ones are shown, and how wide each is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runforge import cells
from runforge.named import NamedTuple
from runforge.text import safe
from runforge.tui.row_list import Cell

_GAP, _NARROW_GAP = 2, 1
#: Below this width columns are close together.
NARROW = 100


class Column(NamedTuple):
    """One column. It is shown if the list is wide enough; `grow` is its share of the remaining width."""

    key: str
    title: str
    width: int
    from_width: int = 0
    grow: int = 0
    is_right: bool = False
    keeps_end: bool = False


class Layout(NamedTuple):
    """Columns with their widths."""

    columns: Sequence[tuple[Column, int]]
    gap: int = _GAP

    def key_at(self, x: int) -> str | None:
        """Return the column at this position of a line; the gap after a column belongs to it."""
        for column, width in self.columns:
            x -= width + self.gap
            if x < 0:
                return column.key
        return None

    def line(self, values: Mapping[str, str | Cell]) -> list[Cell]:
        """Return a row's cells, each padded to its column's width. Texts are made harmless here."""
        line = []
        for column, width in self.columns:
            value = values.get(column.key, "")
            cell = value if isinstance(value, Cell) else Cell(value)
            text = cells.pad(
                safe(cell.text, 4 * width + 8), width, right=column.is_right, keep_end=column.keeps_end
            )
            line += [cell._replace(text=text), Cell(" " * self.gap)]
        return line[:-1]


def fitted(columns: Sequence[Column], width: int) -> Layout:
    """Return the columns that fit into this width; growing columns share the remaining width."""
    shown = [column for column in columns if width >= column.from_width]
    left = width - sum(column.width for column in shown) - _GAP * (len(shown) - 1)
    shares = sum(column.grow for column in shown) or 1
    return Layout([(column, max(1, column.width + max(0, left) * column.grow // shares)) for column in shown])


class Rule(NamedTuple):
    """How a column takes its room when it is as wide as its contents."""

    title: str
    #: The least and the most columns.
    least: int
    most: int
    #: What gets room first: a smaller rank.
    rank: int
    is_right: bool = False
    keeps_end: bool = False
    #: A column whose texts change all the time keeps this width, so that the others do not move.
    steady: int = 0
    #: Whether it gets more room while there is some, after those before it.
    grows: bool = False


def sized(
    rules: Mapping[str, Rule], contents: Mapping[str, int], width: int, always: Collection[str] = ()
) -> Layout:
    """Return the columns that fit; `contents` says how wide the texts of each are, 0 for none.

    Those in `always` are shown even if no row has anything in them. The last of these takes what is left, and gives what is lacking.
    """
    gap = _NARROW_GAP if width < NARROW else _GAP
    wanted = {
        key: min(rule.most, max(contents.get(key, 0), rule.steady, len(rule.title)))
        for key, rule in rules.items()
        if contents.get(key, 0) or key in always
    }
    least = {key: min(wide, rules[key].least) for key, wide in wanted.items()}
    left, widths = width + gap, dict.fromkeys(rules, 0)
    for key in sorted(least, key=lambda key: (key not in always, rules[key].rank)):
        if key in always or left >= least[key] + gap:
            widths[key] = least[key]
            left -= least[key] + gap
    for key in (key for key, rule in rules.items() if rule.grows and widths[key]):
        more = max(0, min(left, wanted[key] - widths[key]))
        widths[key] += more
        left -= more
    last = [key for key in rules if key in always][-1:]
    widths.update({key: max(1, widths[key] + left) for key in last})
    shown = [(key, wide) for key, wide in widths.items() if wide]
    return Layout([(_column(key, rules[key], wide), wide) for key, wide in shown], gap)


def _column(key: str, rule: Rule, width: int) -> Column:
    return Column(key, rule.title, width, is_right=rule.is_right, keeps_end=rule.keeps_end)
