"""The keys that freeze runs, let them go on, and ask them to make room."""

from __future__ import annotations

import pytest

from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

from .kit import Looker, lived, look

pytestmark = pytest.mark.slow


def test_z_freezes_and_thaws_and_the_table_says_so(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("z")
        await at.sees("run 1 stands still and keeps its memory and its slot", "frozen 0s")
        assert lists.jobs(ws)[0].frozen_at is not None
        await at.press("z")
        await at.sees("run 1 goes on")
        assert lists.jobs(ws)[0].frozen_at is None

    look(ws, journey)


def test_only_a_resumable_run_is_asked_to_make_room(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("Z")
        await at.sees("not resumable")
        with open_journal(ws) as journal, journal.write():
            journal.connection.execute("UPDATE jobs SET is_resumable = 1 WHERE seq = 1")
        await at.press("Z")
        await at.sees("run 1 is asked to save and make room", "asked to yield")
        assert lists.jobs(ws)[0].yield_requested
        await at.press("j", "j", "z")
        await at.sees("only running runs are paused so")

    look(ws, journey)


def test_a_run_s_own_screen_has_the_keys_and_a_read_only_session_refuses_them(ws: Workspace) -> None:
    lived(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("i", "z")
        await at.sees("read-only")
        assert lists.jobs(ws)[0].frozen_at is None

    look(ws, journey, read_only=True)

    async def freeze(at: Looker) -> None:
        await at.sees("0001")
        await at.press("i", "z")
        await at.sees("stands still")

    look(ws, freeze)
