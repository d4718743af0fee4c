"""What a benchmark tells: one figure of RunForge beside its peers, its limit and its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. A peer that is not to be had here has the reason in the place of its figure."""

    key: str
    name: str
    unit: str
    ours: float
    peers: Mapping[str, float | str] = field(default_factory=dict)
    #: What the machine allows, measured in the same call, and what that is.
    limit: float | None = None
    limit_name: str = ""
    goal: str = ""
    is_higher_better: bool = False
    #: For figures of growth: the number of jobs in the journal.
    jobs: int | None = None

    def ratio(self, other: float) -> float:
        """Return how many times better than another figure this one is."""
        if not self.ours or not other:
            return float("nan")
        return self.ours / other if self.is_higher_better else other / self.ours

    def document(self) -> dict[str, Any]:
        """Return the figure as JSON has it."""
        return {**asdict(self), "peers": dict(self.peers)}


def from_document(document: Mapping[str, Any]) -> Figure:
    """Return a figure that was written as JSON."""
    return Figure(**document)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rows(figures: list[Figure]) -> list[tuple[str, ...]]:
    """Return the table: figure, RunForge, peer, ratio, limit, goal; a line for each peer."""
    table: list[tuple[str, ...]] = [("", "figure", "RunForge", "peer", "ratio", "limit", "goal")]
    for figure in figures:
        ours = f"{_short(figure.ours)} {figure.unit}"
        limit = f"{_short(figure.limit)} ({figure.limit_name})" if figure.limit is not None else ""
        peers = list(figure.peers.items()) or [("", "")]
        for number, (name, value) in enumerate(peers):
            first = (figure.key, figure.name, ours) if number == 0 else ("", "", "")
            last = (limit, figure.goal) if number == 0 else ("", "")
            if isinstance(value, str):
                peer, ratio = (f"{name}: {value}" if name else ""), ""
            else:
                peer, ratio = f"{name} {_short(value)}", f"{figure.ratio(value):.2f}"
            table.append((*first, peer, ratio, *last))
    return table


def as_text(figures: list[Figure]) -> str:
    """Return the table for a terminal."""
    table = rows(figures)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(figures: list[Figure]) -> str:
    """Return the table for the documentation."""
    header, *body = rows(figures)
    lines = [" | ".join(header), " | ".join("---" for _ in header), *(" | ".join(row) for row in body)]
    return "\n".join(f"| {line} |" for line in lines)
