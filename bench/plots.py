"""Plots of the figures as SVG: ratios to the peers, and growth with the number of jobs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from html import escape
from pathlib import Path

from bench.figures import Figure

_WIDTH, _ROW, _LEFT = 860, 22, 430
_HEIGHT = 300
_COLOURS = ("#2563eb", "#059669", "#d97706", "#7c3aed", "#dc2626", "#0891b2")


def draw(figures: list[Figure], folder: Path) -> None:
    """Write ratios.svg and growth.svg into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ratios.svg").write_text(_ratios(figures), "utf-8")
    (folder / "growth.svg").write_text(_growth(figures), "utf-8")


def _svg(height: float, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" font-family="sans-serif" font-size="12">'
    return "\n".join(
        [head, f'<rect width="{_WIDTH}" height="{height:.0f}" fill="white"/>', *parts, "</svg>\n"]
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = "#111") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _ratios(figures: list[Figure]) -> str:
    bars = [
        (f"{figure.key}  {figure.name}: {name}", figure.ratio(value))
        for figure in figures
        for name, value in figure.peers.items()
        if not isinstance(value, str)
    ]
    parts = [
        _text(10, 18, "Times better than the other program (logarithmic scale; on the line both are equal)")
    ]
    low, high = 0.1, 100.0

    def place(ratio: float) -> float:
        share = math.log(min(max(ratio, low), high) / low) / math.log(high / low)
        return _LEFT + share * (_WIDTH - _LEFT - 60)

    for number, (label, ratio) in enumerate(bars):
        y = 40 + number * _ROW
        begin, stop = sorted((place(1.0), place(ratio)))
        colour = _COLOURS[1] if ratio >= 1 else _COLOURS[4]
        parts.append(
            f'<rect x="{begin:.1f}" y="{y - 11}" width="{max(1.0, stop - begin):.1f}" height="14" fill="{colour}"/>'
        )
        parts.append(_text(_LEFT - 8, y, label[:62], anchor="end"))
        parts.append(_text(stop + 5, y, f"{ratio:.2f}"))
    bottom = 40 + len(bars) * _ROW
    parts.append(
        f'<line x1="{place(1.0):.1f}" x2="{place(1.0):.1f}" y1="26" y2="{bottom - 8}" stroke="#666"/>'
    )
    return _svg(bottom + 10, parts)


def _growth(figures: list[Figure]) -> str:
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for figure in figures:
        if figure.jobs:
            curves[f"{figure.key} {figure.name.split(',')[0]} ({figure.unit})"].append(
                (figure.jobs, figure.ours)
            )
    curves = {name: sorted(points) for name, points in curves.items() if len(points) > 2}
    parts = [
        _text(
            10,
            18,
            "Growth with the jobs in the journal, compared with the first point (both axes logarithmic)",
        )
    ]
    left, right, top, bottom = 60.0, 420.0, 40.0, 250.0

    def x_of(jobs: int) -> float:
        return left + math.log10(jobs / 100) / 3 * (right - left)

    def y_of(times: float) -> float:
        return bottom - (math.log10(min(max(times, 0.1), 1000.0)) + 1) / 4 * (bottom - top)

    parts += [
        _text(x_of(jobs), bottom + 18, f"{jobs:,}", anchor="middle") for jobs in (100, 1_000, 10_000, 100_000)
    ]
    for times in (0.1, 1.0, 10.0, 100.0, 1000.0):
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y_of(times):.1f}" y2="{y_of(times):.1f}" stroke="#ddd"/>'
        )
        parts.append(_text(left - 6, y_of(times) + 4, f"{times:g}x", anchor="end"))
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = "" if number < len(_COLOURS) else ' stroke-dasharray="4 3"'
        path = " ".join(f"{x_of(jobs):.1f},{y_of(value / points[0][1]):.1f}" for jobs, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(_text(right + 20, top + number * 16, name[:62], fill=colour))
    return _svg(max(_HEIGHT, top + len(curves) * 16 + 10), parts)
