"""Curves in braille, at any size, of any numbers."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from textual.app import App, ComposeResult

from runforge.tui import thinning
from runforge.tui.plot import Plot, Series

from .kit import NARROW


def drawn(*series: Series, size: tuple[int, int] = NARROW, keys: tuple[str, ...] = ()) -> list[str]:
    class Drawing(App[None]):
        def compose(self) -> ComposeResult:
            yield Plot()

    async def run() -> list[str]:
        app = Drawing()
        async with app.run_test(size=size) as pilot:
            plot = app.query_one(Plot)
            plot.show(series, x_label="step", y_label="loss")
            plot.focus()
            await pilot.press(*keys)
            await pilot.pause()
            return [strip.text for strip in app.screen._compositor.render_strips()]

    return asyncio.run(run())


def rows_of(lines: list[str]) -> list[int]:
    """Return for each column of the drawing the row of its first dot from above."""
    canvas = [line[10:] for line in lines[1:-2]]
    found = []
    for column in range(len(canvas[0])):
        rows = [y for y, line in enumerate(canvas) if line[column] != " "]
        found.append(rows[0] if rows else -1)
    return found


def test_a_line_rises_without_a_gap() -> None:
    lines = drawn(Series("loss", range(59), [i * 1.7 for i in range(59)]))
    rows = rows_of(lines)
    assert min(rows) == 0
    assert -1 not in rows
    assert rows == sorted(rows, reverse=True)
    assert "step" in lines[-1]
    assert lines[0].startswith(" loss")


@pytest.mark.parametrize("points", [2, 3, 30, 70, 71, 140, 5000])
def test_any_number_of_points_is_one_connected_line(points: int) -> None:
    ys = [math.sin(i / points * 20) for i in range(points)]
    assert -1 not in rows_of(drawn(Series("loss", range(points), ys)))


@pytest.mark.parametrize(
    ("xs", "ys"),
    [
        ([1], [1]),
        ([1, 1, 1], [1, 2, 3]),
        ([1, 2], [5, 5]),
        ([0, 1], [0, 0]),
        ([1, 2, 3], [math.nan, math.inf, -math.inf]),
        ([1, 2, 3], [1, math.nan, 2]),
        ([math.nan, 2, 3], [1, 1, 2]),
        ([0, 1e300], [1e-300, 1e300]),
        ([1, 2], [-1e308, 1e308]),
        ([1e-12, 2e-12], [1, 2]),
        ([0, 5e-324], [5e-324, 0]),
        ([1, 2], [1e17, 1e17 + 16]),
        ([3, 1, 2, 1], [1, 2, 3]),
    ],
)
@pytest.mark.parametrize("size", [NARROW, (20, 6), (10, 3), (1, 1)])
def test_strange_numbers_and_sizes(xs: list[float], ys: list[float], size: tuple[int, int]) -> None:
    for kind in ("line", "points"):
        lines = drawn(Series("a", xs, ys, kind=kind), size=size, keys=("l", "plus", "right", "minus", "0"))  # type: ignore[arg-type]
        assert all(len(line) <= size[0] for line in lines)


def test_nothing_to_draw_says_so() -> None:
    assert "no metrics yet" in "\n".join(drawn())


def test_a_log_scale_leaves_out_what_it_cannot_show() -> None:
    falling = Series("a", range(1, 50), [10.0 ** (-i / 10) for i in range(1, 50)])
    rows = rows_of(drawn(falling, keys=("l",)))
    steps = [b - a for a, b in itertools.pairwise(rows)]
    assert max(steps) <= 1  # a straight line
    assert "(log)" in drawn(falling, keys=("l",))[0]
    assert "no values above zero" in "\n".join(drawn(Series("a", [1, 2], [-1, 0]), keys=("l",)))


def test_zooming_shows_a_shorter_stretch() -> None:
    line = Series("a", range(101), range(101))
    assert drawn(line)[-1].split() == ["0", "step", "100"]
    assert drawn(line, keys=("plus",))[-1].split() == ["20", "step", "80"]
    assert drawn(line, keys=("plus", "right"))[-1].split() == ["35", "step", "95"]
    assert drawn(line, keys=("plus", "0"))[-1].split() == ["0", "step", "100"]


def test_many_series_have_a_legend_with_harmless_names() -> None:
    series = [Series(f"run \x1b]2;x\x07 {i}", [0, 1], [i, i + 1]) for i in range(20)]
    text = drawn(*series)[0]
    assert "\x1b" not in text
    assert "\\x1b" in text


def test_small_numbers_have_labels() -> None:
    text = "\n".join(drawn(Series("a", [1, 2], [1e-13, 3e-13])))
    assert "2e-13│" in text


@pytest.mark.parametrize("keys", [(), ("l",), ("plus", "plus", "right")])
def test_a_hundred_thousand_points_look_like_all_of_them(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    xs = [i / 3 for i in range(100_000)]
    ys = [2 + math.sin(i / 7000) + (i % 97) / 200 for i in range(100_000)]
    ys[50_123] = -9.0
    ys[50_124] = math.nan
    thin = drawn(Series("a", xs, ys), keys=keys)

    def all_of_them(points: thinning.Points, low: float, high: float, _: int) -> list[tuple[float, float]]:
        return thinning.between(points, low, high)

    monkeypatch.setattr(thinning, "thinned", all_of_them)
    full = drawn(Series("a", xs, ys), keys=keys)
    assert thin == full


def test_of_each_column_the_extremes_are_kept() -> None:
    points = thinning.prepared(range(10_000), [i % 100 for i in range(10_000)])
    kept = thinning.thinned(points, 0, 9999, 20)
    assert len(kept) == 80
    assert kept[0] == (0, 0)
    assert kept[-1] == (9999, 99)
    assert {y for _, y in kept} >= {0, 99}
