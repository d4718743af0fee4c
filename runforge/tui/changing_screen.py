"""A screen whose keys change runs: the same keys on the queue, on a group and on a run."""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding, BindingType

from runforge.tui.pausing import FREEZE, YIELD, Pausing
from runforge.views.shown import JobView

#: The keys, for the screens that have runs.
RUN_KEYS: list[BindingType] = [
    Binding("n", "new", "New run: the values of this one, to change"),
    Binding("e", "edit", "Edit the queued run, or all marked ones, as a table"),
    Binding("h", "hold", "Hold back, or release"),
    Binding("d", "remove", "Remove ended runs with their folders"),
    Binding("w", "why", "Why: what it waits for, and when it is done"),
    FREEZE,
    YIELD,
    Binding("C", "rerun", "Run a copy of the run"),
    Binding("y", "copy('id')", "Copy the run's id"),
    Binding("Y", "copy('request')", "Copy the run's request"),
]


class ChangingScreen(Pausing):
    """The changes; which runs they are about is the screen's."""

    def with_current(self, then: Callable[[JobView], None]) -> None:
        """Continue with the run that is looked at."""
        raise NotImplementedError

    def is_refused(self) -> bool:
        """Say that a read-only session changes nothing; False in another one."""
        steering = self.runforge.steering
        if steering.read_only:
            self.act(steering.refused)
        return steering.read_only

    def action_new(self) -> None:
        """Make a new run from the one that is looked at."""
        if not self.is_refused():
            self.with_current(lambda job: self.runforge.show_table([job], is_new=True))

    def action_edit(self) -> None:
        """Change queued runs as a table."""
        if not self.is_refused():
            self.with_chosen(self._edit)

    def _edit(self, jobs: list[JobView]) -> None:
        steering = self.runforge.steering
        if jobs and any(job.state == "queued" for job in jobs):
            self.runforge.show_table(jobs, is_new=False)
        else:
            self.act(lambda: steering.none_queued(jobs))

    def action_hold(self) -> None:
        """Hold runs back, or release them."""
        steering = self.runforge.steering
        self.with_chosen(lambda jobs: self.act(lambda: steering.toggle_hold(jobs)))

    def action_step(self, by: int) -> None:
        """Move runs one place up or down in their group."""
        steering = self.runforge.steering
        self.with_chosen(lambda jobs: self.act(lambda: steering.step(jobs, by)))

    def action_remove(self) -> None:
        """Remove ended runs with their folders, when the user has said yes."""
        if not self.is_refused():
            self.with_chosen(self._ask_to_remove)

    def _ask_to_remove(self, jobs: list[JobView]) -> None:
        steering = self.runforge.steering
        ended = [job for job in jobs if job.state not in {"queued", "running"}]
        if not ended:
            self.act(lambda: steering.none_ended(jobs))
            return

        def ask(size: str) -> None:
            count = "this run and its folder" if len(ended) == 1 else f"{len(ended):,} runs and their folders"
            lines = [f"#{job.number} {job.run_id}  {job.state}" for job in ended[:5]]
            if len(ended) > len(lines):
                lines.append(f"... and {len(ended) - len(lines):,} more")
            if left := len(jobs) - len(ended):
                lines.append(f"{left:,} that have not ended stay")
            self.ask(f"Delete {count} ({size})?", lines, lambda: steering.remove(ended))

        self.runforge.read(self, lambda: steering.size_of(ended), ask, is_awaited=True)

    def action_rerun(self) -> None:
        """Enqueue a copy of the run that is looked at."""
        steering = self.runforge.steering
        self.with_current(lambda job: self.act(lambda: steering.rerun(job)))

    def action_copy(self, what: str) -> None:
        """Copy the run's id or request to the terminal's clipboard."""
        self.with_current(lambda job: self.runforge.copy(job, what))
