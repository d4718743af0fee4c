"""What the screens may ask of the app. The app imports the screens; the screens import only this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runforge.machine.load import Machine
    from runforge.tui.background import Read
    from runforge.tui.choices import Choices
    from runforge.tui.feed import Feed
    from runforge.tui.live import Live
    from runforge.tui.machine_history import History
    from runforge.tui.seen import Ahead, Window
    from runforge.tui.steering import Steering
    from runforge.tui.wire import Wire
    from runforge.views.nodes import Nodes
    from runforge.views.queue_snapshot import JobQuery, QueueSnapshot
    from runforge.views.shown import JobView, RunView
    from runforge.views.trials import Trials
    from runforge.workspace import Workspace


class AppPort(Protocol):
    """The app as its screens know it. Methods named `read_...` are for other threads."""

    workspace: Workspace
    steering: Steering
    feed: Feed
    wire: Wire
    job_query: JobQuery
    snapshot: QueueSnapshot | None
    window: Window
    live: dict[str, Live]
    ahead: Ahead
    warning: str
    is_ascii: bool
    choices: Choices
    history: History
    read: Read

    def act(self, change: Callable[[], str], told: Callable[[str, bool], None] | None = None) -> None:
        """Carry out a change in a thread and show its result: a sentence, and whether it is an error."""

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show the result of an action."""

    def leave(self) -> None:
        """Go back one screen; quit from the queue."""

    def ask_for(self, query: JobQuery) -> None:
        """Show other jobs, or another order."""

    def show_run(self, job: JobView, tab: str) -> None:
        """Open a run."""

    def show_group(self, group_id: str) -> None:
        """Open a group."""

    def show_compared(self, jobs: Sequence[JobView]) -> None:
        """Open the curves of some runs, side by side."""

    def show_table(self, jobs: Sequence[JobView], *, is_new: bool) -> None:
        """Open runs as a table of parameters, to change them or to make a new one."""

    def show_machine(self) -> None:
        """Open the machine."""

    def copy(self, job: JobView, what: str) -> None:
        """Copy a run's id or request to the clipboard."""

    def read_rows(self, places: Sequence[int]) -> list[JobView]:
        """Return the jobs with these row ids, in the order of creation."""

    def find_jobs(self, text: str) -> list[JobView]:
        """Return the first jobs that a filter finds, or the one with this number; not for the painting thread."""

    def choose(self, chosen: Choices) -> None:
        """Keep a choice for the next time."""

    def toggle_bell(self) -> None:
        """Ring when a group or the queue has ended, or no longer."""

    def read_run(self, run_id: str) -> RunView:
        """Return everything about a run."""

    def read_trials(self, group_id: str) -> Trials:
        """Return a group's runs, best first."""

    def read_why(self, names: Sequence[str]) -> list[str]:
        """Return why runs or groups stand as they do; without one, for the whole queue."""

    def watch_machine(self) -> None:
        """Take note of the machine from now on, whatever is on the screen."""

    def read_nodes(self) -> Nodes | None:
        """Return the nodes of a cluster; None where runs are on this machine."""

    def read_machine(self) -> Machine:
        """Return the machine's load."""
