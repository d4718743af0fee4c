"""`w` says why a run waits, and when a group or the queue is done."""

from __future__ import annotations

import pytest

from runforge.tui.group_screen import GroupScreen
from runforge.tui.why_page import WhyPage
from runforge.workspace import Workspace

from .kit import WIDE, Looker, lived, look

pytestmark = pytest.mark.slow


def test_w_explains_the_run_under_the_cursor_its_group_and_the_queue(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("w")
        await at.until(lambda: isinstance(at.app.screen, WhyPage), "the answer")
        await at.sees("0001 runs")
        await at.press("escape", "o")
        await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the group")
        await at.press("w")
        await at.sees("lr search", "4 of 8 left")
        await at.press("q", "m")
        await at.press("w")
        await at.sees("No daemon is running: nothing starts")

    look(ws, journey, size=WIDE)
