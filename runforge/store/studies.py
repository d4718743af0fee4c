"""The sweeps of the journal: how each goes on. Inside the caller's transaction."""

from __future__ import annotations

from runforge import light_json
from runforge.core.study import Study, space_to_json, study_of_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runforge.core.space import Dimension
    from runforge.store.journal import Transaction


def of_group(tx: Transaction, group_id: str) -> Study | None:
    """Return the sweep of a group, if it is one."""
    row = tx.row("sweeps.of_group", group_id=group_id)
    return None if row is None else study_of_row(row)


def put(tx: Transaction, study: Study) -> None:
    """Write the sweep of a group, in place of an earlier one."""
    values = study._asdict()
    values |= {"space": space_to_json(study.space), "template": study.template.to_json()}
    del values["repeats"], values["ended"]
    tx.run("sweeps.put", **values)


def next_trial(tx: Transaction, group_id: str) -> int:
    """Return the number of a group's next trial."""
    return int(tx.row("sweeps.next_trial", group_id=group_id)[0])


def extend(tx: Transaction, group_id: str, space: tuple[Dimension, ...], wanted: int) -> None:
    """Let a sweep go on, in another space or with more trials."""
    tx.run("sweeps.extend", group_id=group_id, space=space_to_json(space), wanted=wanted)


def advance(tx: Transaction, was: Study, now: Study) -> bool:
    """Note how far a sweep has come; False if it has gone on meanwhile."""
    counts = {"made": now.made, "asked": now.asked, "repeats": now.repeats, "ended": now.ended}
    return bool(
        tx.run("sweeps.advance", group_id=was.group_id, was_asked=was.asked, was_made=was.made, **counts)
    )


def hungry(tx: Transaction, slots: int, asked: Iterable[str] = ()) -> str | None:
    """Return the group of a sweep that wants its next trials, if there is one beside those that were asked for."""
    row = tx.row("sweeps.hungry", slots=slots, asked=light_json.dumps(list(asked)))
    return None if row is None else str(row["group_id"])


def trials(tx: Transaction, group_id: str, metric: str | None) -> list[Any]:
    """Return what the runs of a group have shown."""
    return list(tx.rows("sweeps.trials", group_id=group_id, metric=metric))


def known(tx: Transaction, group_id: str, hashes: Iterable[str]) -> list[Any]:
    """Return number, state and digest of the group's runs with one of these configurations."""
    return list(tx.rows("jobs.of_configs", group_id=group_id, hashes=light_json.dumps(list(hashes))))
