"""What the keys of the queue screen change: the chosen runs, or the group under the cursor."""

from __future__ import annotations

from runforge.tui.queue_choice import QueueChoice


class QueueChanges(QueueChoice):
    """The queue screen's part that changes the queue."""

    def action_cancel(self) -> None:
        """Cancel a group, the marked runs, or the run under the cursor."""
        group = self.groups.group_at_cursor()
        if not self.in_groups:
            self.with_chosen(self.cancel_jobs)
        elif group is not None:
            lines = [f"{group.running} running (TERM, 10 s, KILL), {group.queued} queued"]
            steering = self.runforge.steering
            self.ask(f"Cancel group {group.name}?", lines, lambda: steering.cancel_group(group))

    def action_retry(self) -> None:
        """Retry a group's failed runs, the marked runs, or the run under the cursor."""
        steering, group = self.runforge.steering, self.groups.group_at_cursor()
        if not self.in_groups:
            self.with_chosen(lambda jobs: self.act(lambda: steering.retry(jobs)))
        elif group is not None:
            self.act(lambda: steering.retry_group(group))

    def action_pause(self) -> None:
        """Pause or resume the group under the cursor, or the groups of the chosen runs."""
        steering = self.runforge.steering
        self.with_groups(lambda groups: self.act(lambda: steering.toggle_pause(groups)))

    def action_step(self, by: int) -> None:
        """Move runs one place up or down in their group; the cursor goes along."""
        self.jobs.keep_job()
        super().action_step(by)

    def action_priority(self, by: int) -> None:
        """Raise or lower a priority."""
        steering, group = self.runforge.steering, self.groups.group_at_cursor()
        if not self.in_groups:
            self.with_chosen(lambda jobs: self.act(lambda: steering.change_priority(jobs, by)))
        elif group is not None:
            self.act(lambda: steering.change_group_priority(group, by))
