"""How a job is queued: every option of a job is declared once, here.

The names are those of `Job` and of the journal's columns. So a new option needs a field here and in `Job`, a
column in `jobs.insert`, and an option of the command line. No code between them names it.
"""

from typing import NamedTuple

from runforge.core.records import Job


class Submission(NamedTuple):
    """The options of a job, carried from the command line to the journal."""

    #: The group to join, by any name that means it. A sweep makes its own group.
    group: str | None = None
    #: Higher starts first.
    priority: int = 0
    #: A dry run holds its slot this long; None is a real run.
    dry_run_seconds: float | None = None
    #: What the sweep changed for this run, as JSON: dot path to value.
    overrides: str = "{}"

    def columns(self) -> dict[str, object]:
        """Return the values for the job's row, by column. The group has its own row."""
        values = self._asdict()
        del values["group"]
        return values


#: No option was given.
USUAL = Submission()


def like(job: Job) -> Submission:
    """Return the options of a job, to queue another one in the same way."""
    options = {name: getattr(job, name) for name in Submission._fields if name != "group"}
    return Submission(group=job.group_id, **options)
