"""Curves in braille, at any size, of any numbers."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Sequence

import pytest
from textual.app import App, ComposeResult

from runforge.tui import axes, series_looks, thinning
from runforge.tui.canvas import Range
from runforge.tui.chart import Panel, Series, View, smoothed
from runforge.tui.chart_grid import legend_lines
from runforge.tui.plot import Plot

from .kit import NARROW


def drawn(*series: Series, size: tuple[int, int] = NARROW, keys: tuple[str, ...] = ()) -> list[str]:
    return drawn_panels([Panel("loss", series, "step")], size=size, keys=keys)


def drawn_panels(
    panels: Sequence[Panel],
    *,
    size: tuple[int, int] = NARROW,
    keys: tuple[str, ...] = (),
    legend: Sequence[tuple[int, str]] = (),
) -> list[str]:
    class Drawing(App[None]):
        def compose(self) -> ComposeResult:
            yield Plot()

    async def run() -> list[str]:
        app = Drawing()
        async with app.run_test(size=size) as pilot:
            plot = app.query_one(Plot)
            plot.show(panels, legend=legend)
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
    assert "step" in lines[-2]
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
        lines = drawn(
            Series("a", xs, ys, kind=kind),
            size=size,
            keys=("L", "plus", "right", "L", "left", "minus", "L", "tilde", "greater_than_sign", "0"),
        )  # type: ignore[arg-type]
        assert all(len(line) <= size[0] for line in lines)


def test_an_axis_between_the_smallest_numbers_has_one_label() -> None:
    assert axes.tick_values(Range(0.0, 5e-324), 5, is_log=False) == [0.0]


def test_nothing_to_draw_says_so() -> None:
    assert "no metrics yet" in "\n".join(drawn())


def test_a_log_scale_leaves_out_what_it_cannot_show() -> None:
    falling = Series("a", range(1, 50), [10.0 ** (-i / 10) for i in range(1, 50)])
    rows = rows_of(drawn(falling, keys=("L",)))
    steps = [b - a for a, b in itertools.pairwise(rows)]
    assert max(steps) <= 1  # a straight line
    assert "(log)" in drawn(falling, keys=("L",))[0]
    assert "no values above zero" in "\n".join(drawn(Series("a", [1, 2], [-1, 0]), keys=("L",)))


def test_zooming_shows_a_shorter_stretch() -> None:
    line = Series("a", range(101), range(101))
    ends = [
        (drawn(line, keys=keys)[-1].split()[0], drawn(line, keys=keys)[-1].split()[-1])
        for keys in ((), ("plus",), ("plus", "greater_than_sign"), ("plus", "0"))
    ]
    assert ends == [("0", "100"), ("20", "80"), ("40", "90"), ("0", "100")]


def test_many_series_have_a_legend_with_harmless_names() -> None:
    series = [Series(f"run \x1b]2;x\x07 {i}", [0, 1], [i, i + 1]) for i in range(20)]
    text = drawn(*series, size=(200, 50))[0]
    assert "\x1b" not in text
    assert "\\x1b" in text


def test_small_numbers_have_labels() -> None:
    text = "\n".join(drawn(Series("a", [1, 2], [1e-13, 3e-13])))
    assert "2e-13┤" in text


@pytest.mark.parametrize("keys", [(), ("L",), ("plus", "plus", "greater_than_sign")])
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


def test_a_parameter_over_decades_has_a_logarithmic_axis_of_itself() -> None:
    rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    lines = drawn_panels([Panel("acc", [Series("lr", rates, [1.0, 2, 3, 2, 1], kind="points")], "lr")])
    columns = [line.index("●") for line in lines if "●" in line]
    assert sum(line.count("●") for line in lines) == 5
    assert "(log x)" in lines[0]
    assert lines[-1].split() == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]
    assert len(columns) == 3
    linear = drawn_panels([Panel("acc", [Series("n", [1, 2, 3], [1, 2, 3], kind="points")], "n")])
    assert "log" not in linear[0]


def test_both_axes_can_be_logarithmic() -> None:
    power = Series("a", range(1, 1000), [float(i**2) for i in range(1, 1000)])
    titles = [drawn(power, keys=("L",) * times)[0].strip() for times in range(5)]
    assert [title.partition("(")[2].partition(")")[0] for title in titles] == [
        "",
        "log",
        "log x",
        "log x, log",
        "",
    ]
    rows = rows_of(drawn(power, keys=("L", "L", "L")))
    steps = [a - b for a, b in itertools.pairwise(rows)]
    assert set(steps) <= {0, 1}  # a straight line


def test_categories_have_their_names_on_the_axis() -> None:
    panel = Panel(
        "acc", [Series("opt", [0, 1, 2], [1.0, 2, 3], kind="points")], "opt", ("adam", "sgd", "lion")
    )
    lines = drawn_panels([panel])
    assert lines[-1].split() == ["adam", "sgd", "lion"]
    assert "opt sgd: 2" in drawn_panels([panel], keys=("left", "left"))[0]


def test_twelve_curves_have_a_colour_and_a_sign_each_and_more_are_grey() -> None:
    looks = [(series_looks.style(i).color, series_looks.mark(i)) for i in range(20)]
    assert len({colour for colour, _ in looks[:12]}) == len({sign for _, sign in looks[:12]}) == 12
    assert len(set(looks[12:])) == 1
    series = [Series(f"run {i}", range(100), [float(i)] * 100) for i in range(14)]
    text = "\n".join(drawn(*series, size=(200, 50))[1:])
    assert all(sign in text for sign in series_looks.MARKS)


def test_small_charts_share_a_legend_and_a_cursor() -> None:
    runs = [Series(f"lr={i}", range(10), [i + j / 10 for j in range(10)], look=i) for i in range(2)]
    panels = [Panel(name, runs, "step", has_legend=False) for name in ("loss", "acc", "time")]
    legend = [(0, "lr=0.1"), (1, "lr=0.2")]
    lines = drawn_panels(panels, size=(120, 40), legend=legend)
    assert lines[0].split() == ["●", "lr=0.1", "◆", "lr=0.2"]
    assert lines[1].split() == ["loss", "acc"]
    assert any(line.split()[:1] == ["time"] for line in lines)
    read = drawn_panels(panels, size=(120, 40), legend=legend, keys=("left", "left", "left"))
    assert read[1].split() == ["loss", "●", "0.7", "◆", "1.7", "acc", "●", "0.7", "◆", "1.7"]
    assert sum("┊" in line for line in read) > 20
    one = drawn_panels(panels, size=(120, 40), legend=legend, keys=("full_stop", "enter"))
    assert one[1].split() == ["acc"]
    assert not any(line.split()[:1] == ["time"] for line in one)


def test_a_legend_counts_what_has_no_room() -> None:
    lines = legend_lines([(i, "x" * 30) for i in range(20)], 80, 3)
    assert len(lines) == 3
    assert "".join(segment.text for segment in lines[-1]).endswith("+14 more")


def test_smoothing_keeps_the_level_and_calms_the_noise() -> None:
    noisy = list(range(1000)), [5.0 + (-1) ** i for i in range(1000)]
    xs, ys = smoothed(noisy, 0.9)
    assert xs == noisy[0]
    assert ys[0] == 6.0
    assert all(4.8 < y < 5.2 for y in ys[100:])
    assert len(smoothed((list(range(100_000)), [1.0] * 100_000), 0.9)[0]) == 5_000


def test_a_cursor_reads_the_last_point_up_to_it() -> None:
    panel = Panel("loss", [Series("a", [0, 10, 20], [3.0, 2.0, 1.0])])
    assert [panel.value_at(0, x) for x in (-1, 0, 9, 10, 99, None)] == [None, 3.0, 3.0, 2.0, 1.0, 1.0]
    assert panel.moved(View(), -1, 60) == 20
    assert panel.moved(View(cursor=20), -1, 60) == 10
    assert panel.moved(View(cursor=0), -1, 60) == 0


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (-5, -1, ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        (-0.9, 0.1, ["0.2", "0.5", "1"]),
        (-0.05, -0.01, ["0.9", "0.92", "0.94", "0.96"]),
        (0, 200, ["1", "1e+50", "1e+100", "1e+150", "1e+200"]),
    ],
)
def test_a_logarithmic_axis_has_round_numbers(low: float, high: float, texts: list[str]) -> None:
    values = axes.tick_values(Range(low, high), 5, is_log=True)
    found = [axes.tick_text(value, is_log=True) for value in values]
    assert found[: len(texts)] == texts or set(texts) <= set(found)
