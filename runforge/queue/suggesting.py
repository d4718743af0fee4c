"""What a sampler is asked, and what becomes of its answer: the next trials of a sweep.

A question is made of the journal alone. So after a kill the same is asked again, or the trials are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runforge import clock
from runforge.core import space as spaces
from runforge.core.records import Group
from runforge.core.states import Cause, State
from runforge.core.study import EXHAUSTED, Study
from runforge.queue import trials
from runforge.queue.studies import sift
from runforge.store import studies, targets
from runforge.store.journal import Journal, Transaction
from runforge.sweeps.expand import repeated, requested
from runforge.sweeps.run_overrides import RunOverrides

#: No more suggestions are asked for at once.
_MOST_AT_ONCE = 16
_INFINITE = float("inf")
_STATES = {
    State.QUEUED: "running",
    State.RUNNING: "running",
    State.SUCCEEDED: "complete",
    State.FAILED: "failed",
}


class Question(NamedTuple):
    """What is asked for a sweep, as it stood then."""

    study: Study
    document: dict[str, Any]


class Overtaken(Exception):
    """The sweep was changed while its sampler was thinking."""


class BadAnswer(Exception):
    """The sampler's answer cannot be used."""


def question(tx: Transaction, slots: int, asked: Sequence[str] = ()) -> Question | None:
    """Return what is to be asked next for a sweep of which fewer than `slots` runs wait; None if nothing is.

    `asked` are the groups that are asked for already.
    """
    group_id = studies.hungry(tx, slots, asked)
    study = studies.of_group(tx, group_id) if group_id is not None else None
    if study is None:
        return None
    group = targets.group(tx, study.group_id)
    free = min(slots, group.run_limit or slots) - group.queued
    count = min(-(-free // study.repeat), -(-(study.wanted - study.made) // study.repeat), _MOST_AT_ONCE)
    rows = studies.trials(tx, study.group_id, group.objective_metric)
    document = {
        "version": 1,
        "space": [each.document() for each in study.space],
        "seed": study.seed + study.asked,
        "direction": group.direction,
        "count": count,
        "trials": [told for row in rows if (told := _told(study, row)) is not None],
    }
    return Question(study, document)


def _told(study: Study, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a run as a trial; None for one that was canceled, or that lies outside of the space as it is now."""
    overrides = json.loads(row["overrides"])
    values = {each.path: overrides[each.path] for each in study.space if each.path in overrides}
    if not spaces.contains(study.space, values):
        return None
    told: dict[str, Any] = {"values": values}
    state = State(row["state"])
    if state is State.CANCELED:
        has_shown_something = row["cause"] == Cause.STOPPED_EARLY.value and row["started_at"] is not None
        return {**told, **_stopped(row)} if has_shown_something else None
    value = row["value"]
    if state is not State.SUCCEEDED:
        return {**told, "state": _STATES[state]}
    if value is None or abs(value) == _INFINITE:  # nothing to learn but that it is no good
        return {**told, "state": "failed"}
    return {**told, "state": "complete", "value": value}


def _stopped(row: Mapping[str, Any]) -> dict[str, Any]:
    reason = json.loads(row["stop_reason"] or "{}")
    step, value = reason.get("step"), reason.get("value")
    is_known = isinstance(step, (int, float)) and isinstance(value, (int, float))
    return {"state": "pruned", "steps": {str(int(step)): value} if is_known else {}}


def take(journal: Journal, asked: Question, suggestions: Any, epoch: int) -> Study:
    """Queue the suggested trials and note how far the sweep has come; return it as it is then.

    A suggestion that the sweep has made is asked again, with the next seed. BadAnswer for values outside of the
    space, InvalidPlan for those that no run can have, Overtaken if the sweep has changed meanwhile.
    """
    study = asked.study
    if not isinstance(suggestions, list) or not suggestions:
        raise BadAnswer("it suggested nothing")
    with journal.read() as tx:
        group = targets.group(tx, study.group_id)
        runs, now = _chosen(tx, group, study, suggestions)

    def note(tx: Transaction) -> None:
        if studies.of_group(tx, study.group_id) != study or not studies.advance(tx, study, now):
            raise Overtaken
        there = targets.group(tx, study.group_id)
        if not there.is_open or there.is_canceled:
            raise Overtaken
        if now.ended is not None or now.made >= now.wanted:
            tx.run("groups.set_open", group_id=study.group_id, is_open=0, now=clock.now())

    trials.make(journal, study, runs, note, epoch=epoch)
    return now


def _chosen(
    tx: Transaction, group: Group, study: Study, suggestions: Sequence[Any]
) -> tuple[list[RunOverrides], Study]:
    """Return the runs to make, and how far the sweep has come then."""
    chosen: list[RunOverrides] = []
    now = study
    for values in suggestions:
        if not spaces.contains(study.space, values):
            raise BadAnswer(f"it suggested {json.dumps(values)[:120]}, which is outside of the space")
        if now.made >= now.wanted or now.ended is not None:
            break
        runs = requested(study.template.request, repeated(values, study.repeat), where=f"trial {now.asked}")
        new = sift(tx, group, [*chosen, *runs]).new[len(chosen) :][: now.wanted - now.made]
        chosen += new
        repeats = 0 if new else now.repeats + 1
        ended = EXHAUSTED if repeats >= spaces.MOST_REPEATS else None
        now = now._replace(made=now.made + len(new), asked=now.asked + 1, repeats=repeats, ended=ended)
    return chosen, now


def give_up(journal: Journal, asked: Question, reason: str, epoch: int) -> None:
    """Pause the group of a sweep, because its sampler has given no answer that can be used."""
    with journal.write(epoch) as tx:
        tx.run(
            "groups.pause_for",
            group_id=asked.study.group_id,
            paused_by="sampler",
            reason=reason,
            now=clock.now(),
        )
