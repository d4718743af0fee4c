"""The log's view alone: what happens to the place where one reads while a large log is taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from runforge.tui.log_page import LogPage
from runforge.tui.log_view import LogView

_Found = TypeVar("_Found")


def read_now(
    _owner: Widget, work: Callable[[], _Found], show: Callable[[_Found], None], *, key: str = ""
) -> None:
    """Read at once instead of in another thread."""
    del key
    show(work())


class Alone(App[None]):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def compose(self) -> ComposeResult:
        yield LogView(read_now, id="log")

    def on_mount(self) -> None:
        self.view.show(self.path)
        self.view.focus()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def page(self) -> LogPage | None:
        return self.view._page

    @property
    def rows(self) -> list[str]:
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]


def play(path: Path, script: Callable[[Alone, Pilot[None]], Awaitable[None]]) -> None:
    async def body() -> None:
        app = Alone(path)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(body())


def test_a_large_log_that_fills_up_from_behind_does_not_move(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %07d\n" % number for number in range(1_500_000)))

    async def script(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.press("k")
        before = app.rows
        assert before[-1] == "line 1499998"
        assert app.page is not None
        assert not app.page.is_complete
        while not app.page.is_complete:
            app.view._look()
        await pilot.pause()
        assert app.rows == before
        assert app.page.count == 1_500_000
        await pilot.press("g")
        assert app.rows[0] == "line 0000000"

    play(path, script)


def test_a_search_in_a_log_not_yet_taken_in(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        b"a needle\n" + b"".join(b"line %07d\n" % number for number in range(900_000)) + b"NEEDLE\n"
    )

    async def script(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.press("k", "k")
        missed: list[str] = []
        app.view.search("needle", lambda: missed.append("needle"))
        await pilot.pause()
        assert not missed
        assert "a needle" in app.rows
        await pilot.press("n")
        assert "NEEDLE" in app.rows
        await pilot.press("N")
        assert "a needle" in app.rows
        app.view.show(tmp_path / "none")
        app.view.show(path)
        await pilot.pause()
        assert app.rows[-1] == "NEEDLE"

    play(path, script)


def test_a_search_that_finds_nothing_says_so_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %07d\n" % number for number in range(100)))

    async def script(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.press("g")
        missed: list[str] = []
        app.view.search("nowhere", lambda: missed.append("nowhere"))
        await pilot.pause()
        assert missed == ["nowhere"]
        assert app.rows[0] == "line 0000000"

    play(path, script)


def test_lines_are_read_as_they_come_into_view(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %07d\n" % number for number in range(5_000)))

    async def script(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.press("k")
        for number in range(0, 4_980, 83):
            app.view.scroll_to(y=number, animate=False)
            await pilot.pause()
            assert app.rows == [f"line {line:07d}" for line in range(number, number + 20)]
            assert app.page is not None
            assert len(app.page.lines) <= 100

    play(path, script)
