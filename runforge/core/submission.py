"""How a job is queued: every option of a job is declared once, here.

The names are those of `Job` and of the journal's columns. So a new option needs a field here and in `Job`, a
column in `jobs.insert`, and an option of the command line. No code between them names it.
"""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Job

#: A sweep with more runs is refused, unless an option allows it.
MAX_RUNS = 10_000


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
    name: str | None = None
    #: A JSON list of texts.
    tags: str = "[]"
    notes: str | None = None
    #: It waits until a person releases it.
    held: bool = False
    #: It does not start before this time.
    not_before: str | None = None
    #: The stored environment that it runs in; None is the daemon's.
    env_id: str | None = None
    #: SHA-256 of its request.json.
    request_sha: str | None = None
    #: JSON: which failures are tried again (`core.retrying`).
    retry_rules: str = "[]"
    #: Hashes of what it does, without and with what a sweep varies (`core.recipe`).
    recipe: str | None = None
    config_hash: str | None = None
    #: Its memory on a device follows from earlier runs of its recipe.
    learns: bool = False
    trial_no: int | None = None
    is_resumable: bool = False
    #: What becomes of it if its end is unknown; None is the daemon's policy.
    on_lost: str | None = None
    code_tree: str | None = None
    #: When it tells of itself; None is as configured.
    notify: str | None = None
    #: After so many seconds without a sign of life it is marked, or ended; None is as usual, 0 never.
    stall_seconds: float | None = None
    stall_kill: int = 0

    def columns(self) -> dict[str, object]:
        """Return the values for the job's row, by column. The group has its own row."""
        values = self._asdict()
        del values["group"]
        flags = {"held": int(self.held), "is_resumable": int(self.is_resumable), "learns": int(self.learns)}
        return {**values, **flags, "delayed": int(self.not_before is not None)}


#: What another job does not take over from the one that it is made like.
_OF_ONE_JOB = frozenset(
    {"group", "held", "not_before", "request_sha", "trial_no", "code_tree", "recipe", "config_hash"}
)
#: No option was given.
USUAL = Submission()


def like(job: Job) -> Submission:
    """Return the options of a job, to queue another one in the same way."""
    options = {name: getattr(job, name) for name in Submission._fields if name not in _OF_ONE_JOB}
    return Submission(group=job.group_id, **options)
