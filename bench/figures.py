"""The result of a benchmark: one figure of RunForge with its peers, its limit and its goal."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. A peer that is not available here has a reason instead of a figure."""

    key: str
    name: str
    unit: str
    ours: float
    peers: Mapping[str, float | str] = field(default_factory=dict)
    #: The machine's limit, measured in the same call, and what it means.
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
        """Return the figure for JSON."""
        return {**asdict(self), "peers": dict(self.peers)}


def from_document(document: Mapping[str, Any]) -> Figure:
    """Return a figure from JSON."""
    return Figure(**document)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _times(figure: Figure) -> str:
    """Return how many starts of the interpreter a figure takes: that is what holds on other machines too."""
    if figure.limit_name != "interpreter" or not figure.limit:
        return ""
    return f", {figure.ours / figure.limit:.2f} times"


def rows(figures: list[Figure]) -> list[tuple[str, ...]]:
    """Return the table: figure, RunForge, peer, ratio, limit, goal; a line for each peer."""
    table: list[tuple[str, ...]] = [("", "figure", "RunForge", "peer", "ratio", "limit", "goal")]
    for figure in figures:
        ours = f"{_short(figure.ours)} {figure.unit}"
        limit = (
            f"{_short(figure.limit)} ({figure.limit_name}{_times(figure)})"
            if figure.limit is not None
            else ""
        )
        peers = list(figure.peers.items()) or [("", "")]
        beside = f", {figure.jobs:,} jobs" if figure.jobs and figure.key != "d" else ""
        for number, (name, value) in enumerate(peers):
            first = (figure.key, figure.name + beside, ours) if number == 0 else ("", "", "")
            last = (limit, figure.goal) if number == 0 else ("", "")
            if isinstance(value, str):
                peer, ratio = (f"{name}: {value}" if name else ""), ""
            else:
                peer, ratio = f"{name} {_short(value)}", f"{figure.ratio(value):.2f}"
            table.append((*first, peer, ratio, *last))
    return table


#: The parts whose figures may not grow faster than the logarithm of the number of jobs.
_FLAT = frozenset("bcegi")
#: How much more than that counts as noise of the machine.
_NOISE = 1.15


def growth(figures: list[Figure]) -> list[str]:
    """Say for each of these figures how it grew from the smallest journal to the largest, and the limit."""
    series: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    for figure in figures:
        if figure.key in _FLAT and figure.jobs and figure.ours:
            slowness = 1 / figure.ours if figure.is_higher_better else figure.ours
            series[figure.key, figure.name, figure.unit][figure.jobs] = slowness
    lines = []
    for (key, name, unit), points in series.items():
        few, many = min(points), max(points)
        if few == many:
            continue
        grew, allowed = points[many] / points[few], math.log(many) / math.log(few)
        verdict = "holds" if grew <= allowed * _NOISE else "GROWS FASTER"
        lines.append(
            f"{key} {name} ({unit}): {grew:.2f} times from {few:,} to {many:,} jobs,"
            f" allowed {allowed:.2f}: {verdict}"
        )
    return lines


def as_text(figures: list[Figure]) -> str:
    """Return the table for a terminal."""
    table = rows(figures)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join([*(line.rstrip() for line in lines), *growth(figures)])


def as_markdown(figures: list[Figure]) -> str:
    """Return the table for the documentation."""
    header, *body = rows(figures)
    lines = [" | ".join(header), " | ".join("---" for _ in header), *(" | ".join(row) for row in body)]
    table = [f"| {line} |" for line in lines]
    head = "Growth (allowed is the growth of the logarithm of the number of jobs):"
    return "\n".join([*table, "", head, "", *(f"- {line}" for line in growth(figures))])
