"""What goes over the wire draws the same screen as everything would."""

from __future__ import annotations

import random

import pyte
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from runforge.tui.wire import Wire

SIZE = Size(30, 8)
STYLES = [Style(), Style(bold=True), Style(color="red"), Style(bgcolor="blue")]
WORDS = ["run", "   ", "x", "日本", "0.25", "──", "\u00e9", "          "]


def random_strip(chance: random.Random) -> Strip:
    strip = Strip([])
    while strip.cell_length < SIZE.width:
        strip = Strip.join([strip, Strip([Segment(chance.choice(WORDS), chance.choice(STYLES))])])
    return strip.crop(0, SIZE.width)


def screen_after(written: list[str]) -> list[str]:
    screen = pyte.Screen(SIZE.width, SIZE.height)
    pyte.Stream(screen).feed("".join(written))
    return list(screen.display)


def test_the_difference_draws_the_same_as_all_of_it() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        console = Console(force_terminal=True, color_system="256", width=SIZE.width)
        lines = [random_strip(chance) for _ in range(SIZE.height)]
        wire = Wire()
        whole = LayoutUpdate([[line] for line in lines], Region(0, 0, *SIZE))
        thin = [wire.thinned(whole, SIZE).render_segments(console)]
        for _ in range(20):
            y = chance.randrange(SIZE.height)
            lines[y] = random_strip(chance) if chance.random() < 0.7 else lines[y]
            start = chance.randrange(SIZE.width)
            update = ChopsUpdate(
                [{0: line} for line in lines],
                [(y, 0, start), (y, start, SIZE.width)],
                [[SIZE.width]] * SIZE.height,
            )
            thin.append(wire.thinned(update, SIZE).render_segments(console))
        everything = LayoutUpdate([[line] for line in lines], Region(0, 0, *SIZE)).render_segments(console)
        assert screen_after(thin) == screen_after([everything]), seed


def test_what_is_there_already_is_not_written_again() -> None:
    console = Console(force_terminal=True, color_system="256", width=SIZE.width)
    line = Strip([Segment("epoch 1/10" + " " * 20, STYLES[0])])
    wire = Wire()
    update = LayoutUpdate([[line]] * SIZE.height, Region(0, 0, *SIZE))
    assert wire.thinned(update, SIZE).render_segments(console)
    changed = Strip([Segment("epoch 2/10" + " " * 20, STYLES[0])])
    same = ChopsUpdate([{0: line}] * 8, [(2, 0, 30)], [[30]] * 8)
    other = ChopsUpdate([{0: changed}] * 8, [(2, 0, 30)], [[30]] * 8)
    assert wire.thinned(same, SIZE).render_segments(console) == ""
    assert wire.thinned(other, SIZE).render_segments(console) == "\x1b[3;7H2"
    wire.forget()
    assert "epoch 2/10" in wire.thinned(other, SIZE).render_segments(console)


def test_another_size_is_written_whole() -> None:
    console = Console(force_terminal=True, color_system="256")
    line = Strip([Segment("x" * 30, STYLES[0])])
    wire = Wire()
    wire.thinned(LayoutUpdate([[line]] * 8, Region(0, 0, 30, 8)), SIZE).render_segments(console)
    update = ChopsUpdate([{0: line}] * 8, [(0, 0, 30)], [[30]] * 8)
    assert wire.thinned(update, Size(40, 8)).render_segments(console).count("x") == 30
    assert wire.thinned("no update", SIZE) == "no update"
