"""Changes what a group says of itself, and how many of its runs go on at once; in any state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from runforge import clock
from runforge.core.records import Group
from runforge.core.stop_rules import NO_RULE, from_json, parse, to_json
from runforge.core.study import OFF, Study
from runforge.documents.request_options import Objective, stop_of
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidRequest, OperationFailed
from runforge.queue.change import change
from runforge.store import studies, targets
from runforge.store.journal import Transaction
from runforge.store.opening import open_snapshot, require_journal
from runforge.sweeps.effect import require_reported
from runforge.workspace import Workspace

_FAMILY = "model.family"


class GroupEdit(NamedTuple):
    """What is to be changed in a group; what is None stays."""

    name: str | None = None
    #: An empty text takes them away.
    notes: str | None = None
    run_limit: int | None = None
    objective: Objective | None = None
    #: So many equal failures in a row pause it; 0 never.
    breaker: int | None = None
    #: Of a sweep: the rule that stops runs early, or `off`; of how many of the best runs the artifacts stay.
    stop: str | None = None
    keep: int | None = None


class ChangedGroups(NamedTuple):
    """The groups that were changed, as they are now, and those that were so already."""

    changed: list[Group]
    same: list[Group]


def edit_groups(workspace: Workspace, group_ids: Sequence[str], wish: GroupEdit) -> ChangedGroups:
    """Change groups, in one transaction."""
    if next(secrets_in({"name": wish.name, "notes": wish.notes}), None) is not None:
        raise InvalidRequest(
            "a name or a note looks like a secret, and the journal keeps it", fix="Leave it out"
        )
    found = ChangedGroups([], [])
    with change(workspace) as tx:
        now = clock.now()
        for group_id in group_ids:
            before = targets.group(tx, group_id), studies.of_group(tx, group_id)
            if wish.objective is not None and before[1] is not None:
                _require_reported(tx, before[1], wish.objective, before[0].name)
            _edit(tx, before[0], wish, now)
            _edit_sweep(tx, before[1], targets.group(tx, group_id), wish)
            after = targets.group(tx, group_id), studies.of_group(tx, group_id)
            (found.same if after == before else found.changed).append(after[0])
    return found


def _require_reported(tx: Transaction, study: Study, objective: Objective, name: str) -> None:
    """Raise InvalidRequest for a metric that no run of a sweep ever reports, where that can be known."""
    usual = study.template.request.get("model", {}).get("family")
    families = {
        json.loads(row["overrides"]).get(_FAMILY, usual) for row in studies.trials(tx, study.group_id, None)
    }
    families |= {value for each in study.space if each.path == _FAMILY for value in each.values} or {usual}
    if all(isinstance(family, str) for family in families):
        require_reported(objective.metric, families, where=f"edit {name[:60]}")


def _edit(tx: Transaction, group: Group, wish: GroupEdit, now: str) -> None:
    name = group.name if wish.name is None else wish.name
    notes = group.notes if wish.notes is None else wish.notes or None
    if (name, notes) != (group.name, group.notes):
        tx.run("groups.describe", group_id=group.group_id, name=name, notes=notes, now=now)
    if wish.run_limit is not None:
        tx.run("groups.set_limit", group_id=group.group_id, run_limit=wish.run_limit, now=now)
    if wish.breaker is not None:
        tx.run("groups.set_breaker", group_id=group.group_id, breaker=wish.breaker, now=now)
    if wish.objective is not None:
        metric, direction = wish.objective
        tx.run("groups.set_objective", group_id=group.group_id, metric=metric, direction=direction, now=now)


def rule_of(workspace: Workspace, name: str) -> str:
    """Return the stop rule that a sweep has, or `off`; OperationFailed if the group is no sweep."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        group = targets.group(tx, name)
        study = _checked(studies.of_group(tx, group.group_id), group, GroupEdit(stop=OFF))
    return str(from_json(study.stop) or OFF)


def look_at_rule(workspace: Workspace, name: str, text: str) -> str:
    """Return what a stop rule would do for a sweep, and change nothing; it raises what `edit_groups` would."""
    rule = stop_of(text)
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        group = targets.group(tx, name)
        _checked(studies.of_group(tx, group.group_id), group, GroupEdit(stop=rule))
    return "no run ends early" if rule == OFF else f"{rule}, by {group.objective_metric} ({group.direction})"


def set_rule(workspace: Workspace, group_id: str, text: str) -> tuple[str, bool]:
    """Give a sweep the stop rule that a text means; return it as it is written, and whether it was another one."""
    rule = stop_of(text) or OFF
    done = edit_groups(workspace, [group_id], GroupEdit(stop=rule))
    return rule, bool(done.changed)


def _edit_sweep(tx: Transaction, study: Study | None, group: Group, wish: GroupEdit) -> None:
    if wish.stop is None and wish.keep is None:
        return
    _checked(study, group, wish)
    if wish.stop is not None:
        stop = NO_RULE if wish.stop == OFF else to_json(parse(wish.stop))
        tx.run("sweeps.set_stop", group_id=group.group_id, stop=stop)
    if wish.keep is not None:
        tx.run("sweeps.set_keep", group_id=group.group_id, keep=wish.keep)


def _checked(study: Study | None, group: Group, wish: GroupEdit) -> Study:
    """Return the sweep if it can be changed so."""
    option = "--stop" if wish.stop is not None else "--keep-artifacts"
    if study is None:
        raise OperationFailed(f"group {group.name} is no sweep, so {option} means nothing for it")
    if group.objective_metric is None and (wish.keep is not None or wish.stop != OFF):
        raise OperationFailed(
            f"{option} must know by which metric the runs of group {group.name} are compared",
            fix=f"runforge edit {group.group_id} --metric val/loss:min {option} ...",
        )
    return study
