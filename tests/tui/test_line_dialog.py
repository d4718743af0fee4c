"""The window with one line: what is said below it is about what the line has now."""

from __future__ import annotations

import threading

from textual.widgets import Input

from runforge.errors import InvalidRequest
from runforge.tui.line_dialog import LineDialog
from runforge.workspace import Workspace
from tests.tui.kit import Looker, look


def test_what_is_typed_while_a_change_is_carried_out_is_looked_at(ws: Workspace) -> None:
    may_go_on = threading.Event()

    def change(text: str) -> str:
        may_go_on.wait(60)
        raise InvalidRequest(f"{text} cannot be")

    async def journey(at: Looker) -> None:
        dialog = LineDialog("Title", [], look=lambda text: f"looked at {text}", change=change, does="change")
        at.app.push_screen(dialog)
        await at.sees("change")
        field = dialog.query_one(Input)
        field.value = "first"
        await at.sees("looked at first")
        await at.press("enter")
        field.value = "second"
        await at.sees("looked at second")
        may_go_on.set()
        await at.sees("first cannot be", "looked at second")
        assert at.app.screen is dialog
        await at.press("enter")
        await at.sees("second cannot be")
        await at.until(lambda: "looked at" not in at.text, "it stands in the place of the look")

    look(ws, journey)
