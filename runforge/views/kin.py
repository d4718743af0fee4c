"""A run's parents, which it waits for, and its children, which wait for it."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.core.records import Job
    from runforge.store.transaction import Transaction
    from runforge.views.live_rows import LiveRow

#: A group of thousands may wait for one run.
MOST = 200
_CONDITIONS = {"ok": "to succeed", "fail": "to fail", "any": "to end"}


class Relative(NamedTuple):
    """A parent or a child of a run."""

    kind: str
    #: The id of the run or of the group.
    id: str
    #: None for a group, and for a run that is not in the queue any more.
    number: int | None
    name: str | None
    state: str | None
    condition: str
    met: bool

    @property
    def called(self) -> str:
        """What a sentence calls it: a run by its number, a group by its name."""
        if self.kind == "group":
            return f"group {self.name or self.id}"
        return self.id if self.number is None else str(self.number)

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


def parents_of(tx: Transaction, job: Job | LiveRow) -> list[Relative]:
    """Return what a job waits for, the unmet ones first."""
    return [_parent(row) for row in tx.rows("kin.parents", job_id=job.job_id, limit=MOST)]


def children_of(tx: Transaction, job: Job) -> list[Relative]:
    """Return the jobs that wait for this run, or for its whole group."""
    rows = tx.rows("kin.children", job_id=job.job_id, group_id=job.group_id, limit=MOST)
    return [
        Relative("run", r["run_id"], r["number"], r["name"], r["state"], r["condition"], bool(r["met"]))
        for r in rows
    ]


def _parent(row: Any) -> Relative:
    is_group = row["kind"] == "group"
    state = ("ended" if row["group_finished_at"] else "running") if is_group else row["state"]
    return Relative(
        kind=row["kind"],
        id=row["parent"] if is_group else row["run_id"] or row["parent"],
        number=None if is_group else row["number"],
        name=row["group_name"] if is_group else row["name"],
        state=state,
        condition=row["condition"],
        met=bool(row["met"]),
    )


def waits_for(found: Sequence[Relative]) -> str:
    """Return what a job waits for as words: `waits for 12, 13 to succeed and group lm to end`."""
    unmet: dict[str, list[str]] = {}
    for relative in found:
        if not relative.met:
            unmet.setdefault(_CONDITIONS[relative.condition], []).append(relative.called)
    parts = [f"{_listed(names)} {how}" for how, names in unmet.items()]
    return f"waits for {' and for '.join(parts)}"


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
