"""Which runs and groups of the queue screen a key is about: marked, under the cursor, or not loaded yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runforge.tui.changing_screen import ChangingScreen
from runforge.tui.group_list import GroupList
from runforge.tui.job_table import JobTable
from runforge.tui.sweeping import Sweeping
from runforge.views.shown import GroupView, JobView


class QueueChoice(Sweeping, ChangingScreen):
    """The queue screen's part that finds out what is meant."""

    @property
    def jobs(self) -> JobTable:
        """The table of jobs."""
        return self.query_one("#jobs", JobTable)

    @property
    def groups(self) -> GroupList:
        """The list of groups."""
        return self.query_one("#groups", GroupList)

    @property
    def in_groups(self) -> bool:
        """Whether the keys are about groups."""
        return self.groups.has_focus

    def _with_jobs(self, places: Sequence[int], then: Callable[[list[JobView]], None]) -> None:
        """Continue with the jobs of these row ids; those that are not loaded are read first."""
        known = self.jobs.known(places)
        if known is None:
            self.runforge.read(self, lambda: self.runforge.read_rows(places), then, is_awaited=True)
        else:
            then(known)

    def with_chosen(self, then: Callable[[list[JobView]], None]) -> None:
        """Continue with the marked runs, or the one under the cursor."""
        self._with_jobs(self.jobs.chosen(), then)

    def with_current(self, then: Callable[[JobView], None]) -> None:
        """Continue with the run under the cursor, if there is one."""

        def found(jobs: list[JobView]) -> None:
            if jobs:
                then(jobs[0])
            else:
                self.say("no run is selected", is_error=True)

        self._with_jobs(self.jobs.place_at_cursor(), found)

    def with_group(self, then: Callable[[GroupView], None]) -> None:
        """Continue with the group under the cursor, or that of the run under it."""

        def found(groups: list[GroupView]) -> None:
            if groups:
                then(groups[0])
            else:
                known = self.jobs.row_count()
                self.say("this run has no group" if known else "there is no group", is_error=True)

        self.with_groups(found, self.jobs.place_at_cursor())

    def with_groups(
        self, then: Callable[[list[GroupView]], None], places: Sequence[int] | None = None
    ) -> None:
        """Continue with the group under the cursor, or with the groups of these (or the chosen) runs."""
        group = self.groups.group_at_cursor()
        if self.in_groups:
            then([group] if group else [])
            return
        chosen = self.jobs.chosen() if places is None else places
        self._with_jobs(chosen, lambda jobs: then(self._groups_of(jobs)))

    def _groups_of(self, jobs: Sequence[JobView]) -> list[GroupView]:
        known = self.by_id()
        return [known[key] for key in dict.fromkeys(job.group_id for job in jobs) if key and key in known]

    def by_id(self) -> dict[str, GroupView]:
        """Return the groups by their ids."""
        snapshot = self.runforge.snapshot
        return {group.group_id: group for group in snapshot.groups} if snapshot else {}
