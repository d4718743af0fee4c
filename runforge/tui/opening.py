"""What the app opens for its screens: other screens, and the clipboard. A screen is imported when it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runforge.tui.reading import request_text
from runforge.tui.typed_ahead import TypedAhead
from runforge.views.shown import JobView
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.tui.background import Read


class Opening(TypedAhead):
    """The part of the app that opens screens."""

    workspace: Workspace
    read: Read

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action, on any screen."""
        raise NotImplementedError

    def show_run(self, job: JobView, tab: str) -> None:
        """Open a run."""
        from runforge.tui.run_screen import RunScreen

        self.push_screen(RunScreen(job, tab))

    def show_group(self, group_id: str) -> None:
        """Open a group."""
        from runforge.tui.group_screen import GroupScreen

        self.push_screen(GroupScreen(group_id))

    def show_compared(self, jobs: Sequence[JobView]) -> None:
        """Open the curves of some runs, side by side."""
        from runforge.tui.compare_screen import CompareScreen

        self.push_screen(CompareScreen(jobs))

    def show_table(self, jobs: Sequence[JobView], *, is_new: bool) -> None:
        """Open runs as a table of parameters."""
        from runforge.tui.edit_screen import EditScreen

        self.push_screen(EditScreen(jobs, is_new=is_new))

    def show_machine(self) -> None:
        """Open the machine."""
        from runforge.tui.machine_screen import MachineScreen

        if not isinstance(self.screen, MachineScreen):
            self.push_screen(MachineScreen())

    def copy(self, job: JobView, what: str) -> None:
        """Copy a run's id or request to the clipboard of the user's terminal (OSC 52)."""
        if what == "id":
            self.copy_to_clipboard(job.run_id)
            self.say(f"copied {job.run_id}")
            return
        path = self.workspace.root / job.run_dir / "request.json"
        self.read(
            self.screen,
            lambda: request_text(path),
            lambda text: self._copy_request(job, path, text),
            is_awaited=True,
        )

    def _copy_request(self, job: JobView, path: Path, text: str) -> None:
        self.copy_to_clipboard(text)
        self.say(f"copied the request of {job.run_id}, {len(text)} characters; it is at {path}")
