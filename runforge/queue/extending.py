"""Lets a sweep go on: more values, another interval, more trials. Only runs that its group has not are made."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from runforge import clock
from runforge.core import space as spaces
from runforge.core.records import Group
from runforge.core.space import Dimension
from runforge.core.study import EXHAUSTED, GRID, LIST, RANDOM, TPE, Study
from runforge.core.submission import MAX_RUNS
from runforge.documents.known_fields import HYPERPARAMETERS, is_known
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidPlan, InvalidRequest, OperationFailed
from runforge.queue import studies as queued
from runforge.queue import trials
from runforge.queue.change import announce, existing, tidy
from runforge.queue.sifted import Sifted
from runforge.store import studies, targets
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_snapshot, require_journal
from runforge.sweeps.expand import repeated, requested
from runforge.sweeps.run_overrides import RunOverrides
from runforge.sweeps.values import Varied, parse, require_values
from runforge.training.check import check_datasets
from runforge.workspace import Workspace


class Extended(NamedTuple):
    """What an extension did."""

    group: Group
    sifted: Sifted
    run_ids: tuple[str, ...] = ()
    #: How many trials the daemon will make.
    to_come: int = 0
    #: Why fewer than asked for are made.
    ended: str | None = None
    #: Whether its trials are counted: more values alone make none.
    is_searched: bool = False

    def words(self) -> str:
        """Return how many runs are made now, or are to come."""
        if self.to_come:
            number = "1 trial" if self.to_come == 1 else f"{self.to_come:,} trials"
            return f"{number} of {self.group.group_id} to come"
        return self.sifted.words(self.group.group_id)


class _Next(NamedTuple):
    """A sweep as it will be, and its runs that are to be made now."""

    study: Study
    choices: list[dict[str, object]]


class _Wish(NamedTuple):
    """By what a sweep is to grow."""

    axes: Sequence[Varied]
    number: int | None
    limit: int


class _Found(NamedTuple):
    """What an extension would do, from one look at the journal."""

    group: Group
    before: Study
    after: Study
    #: All runs that it would have, and which of them are new.
    runs: list[RunOverrides]
    sifted: Sifted

    def extended(self, run_ids: Sequence[str] = ()) -> Extended:
        """Return it as the caller is told."""
        to_come = self.after.wanted - self.after.made
        return Extended(
            self.group, self.sifted, tuple(run_ids), to_come, self.after.ended, self.before.is_searched
        )


class _Changed(Exception):
    """The sweep has gone on meanwhile."""


def extend(
    workspace: Workspace, name: str, axes: Sequence[str], number: int | None, *, max_runs: int = MAX_RUNS
) -> Extended:
    """Give a sweep more values or intervals (`lr=0.1,0.2`), or so many more trials; only new runs are made."""
    wish = _wish(axes, number, max_runs)
    with existing(workspace) as journal:
        done = None
        while done is None:
            with contextlib.suppress(_Changed):
                done = _extend(journal, name, wish)
        tidy(journal)
    announce(workspace)
    return done


def look(
    workspace: Workspace, name: str, axes: Sequence[str], number: int | None, *, max_runs: int = MAX_RUNS
) -> Extended:
    """Return what `extend` would do, and change nothing; it raises what `extend` would."""
    wish = _wish(axes, number, max_runs)
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return _look(tx, name, wish).extended()


def sweep_of(workspace: Workspace, name: str) -> Study:
    """Return the sweep that a group has; OperationFailed if it has none that can be extended."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return _study(tx, targets.group(tx, name))


def _wish(axes: Sequence[str], number: int | None, limit: int) -> _Wish:
    if not axes and number is None:
        raise InvalidRequest("nothing to extend by", fix="Add -S KEY=VALUES, or -n N for a search")
    return _Wish([parse(text) for text in axes], number, limit)


def _look(tx: Transaction, name: str, wish: _Wish) -> _Found:
    group = targets.group(tx, name)
    study = _study(tx, group)
    following = _grown(study, wish.axes, wish.number, wish.limit, _made(tx, study))
    where = f"extend {group.name}"
    base = study.template.request
    runs = requested(base, following.choices, where=where)
    requested(base, spaces.samples(following.study.space), where=where)
    sifted = queued.sift(tx, group, runs)
    after = following.study
    if study.method == RANDOM:
        made = study.made + len(sifted.new)
        after = after._replace(made=made, wanted=made)
    return _Found(group, study, after, runs, sifted)


def _extend(journal: Journal, name: str, wish: _Wish) -> Extended:
    with journal.read() as tx:
        found = _look(tx, name, wish)
    group, study, after, runs, sifted = found

    def note(tx: Transaction) -> None:
        if studies.of_group(tx, study.group_id) != study or len(queued.sift(tx, group, runs).new) != len(
            sifted.new
        ):
            raise _Changed
        now = clock.now()
        studies.put(tx, after)
        is_open = after.wanted > after.made
        tx.run("groups.set_open", group_id=group.group_id, is_open=int(is_open), now=now)
        if sifted.new or is_open:
            tx.run("groups.set_canceled", group_id=group.group_id, is_canceled=0, now=now)

    check_datasets([run.request for run in sifted.new], journal.workspace.root)
    return found.extended(trials.make(journal, study, sifted.new, note))


def _made(tx: Transaction, study: Study) -> list[dict[str, object]]:
    """Return the values of the trials that a random sweep has."""
    if study.method != RANDOM:
        return []
    rows = (json.loads(row["overrides"]) for row in studies.trials(tx, study.group_id, None))
    paths = [each.path for each in study.space]
    return [{path: row[path] for path in paths} for row in rows if row.keys() >= set(paths)]


def _study(tx: Transaction, group: Group) -> Study:
    study = studies.of_group(tx, group.group_id)
    if study is None or study.method == LIST:
        what = "is a list of runs" if study is not None else "is no sweep that can be extended"
        fix = f"`runforge submit -g {group.group_id} ...` adds runs to it"
        raise OperationFailed(f"group {group.name[:60]} {what}", fix=fix)
    if not study.template.request:
        what = "has a secret in its request, so the journal does not keep what its runs are made of"
        raise OperationFailed(
            f"group {group.name[:60]} {what}", fix=f"`runforge submit -g {group.group_id} ...` adds runs"
        )
    return study


def _grown(
    study: Study, axes: Sequence[Varied], number: int | None, limit: int, made: list[dict[str, object]]
) -> _Next:
    """Return the sweep with more, and the values of the runs that it has now; known ones among them."""
    new = tuple(_dimension(study, axis, limit) for axis in axes)
    grown = study._replace(space=spaces.merged(study.space, new), ended=None, repeats=0)
    if study.method == GRID:
        if number is not None:
            raise InvalidRequest(
                "-n is about --random and --tpe", where="-n", fix="Add values: -S KEY=VALUES"
            )
        return _Next(grown, _combinations(grown, limit))
    more = (number or 0) * study.repeat
    if study.method == TPE:
        is_larger = study.ended == EXHAUSTED and grown.space != study.space
        going_on = (study.ended is None or is_larger) and study.wanted > study.made
        return _Next(grown._replace(wanted=(study.wanted if going_on else study.made) + more), [])
    drawn = spaces.draws(grown.space, study.seed, study.asked, number or 0, made)
    choices = [each for values in drawn.runs for each in repeated(values, study.repeat)]
    ended = f"{len(drawn.runs)} different trials were found" if drawn.is_exhausted else None
    return _Next(grown._replace(asked=drawn.asked, ended=ended), choices)


def _dimension(study: Study, axis: Varied, limit: int) -> Dimension:
    is_command = study.template.request["model"].get("family") == "command"
    path = axis.key if not is_command and is_known(axis.key) else f"{HYPERPARAMETERS}.{axis.key}"
    where = f"-S {axis.key}"
    if path not in {each.path for each in study.space}:
        names = ", ".join(each.path.removeprefix(f"{HYPERPARAMETERS}.") for each in study.space)
        raise InvalidRequest(
            f"the sweep does not vary {axis.key[:60]}",
            where=where,
            fix=f"It varies {names}; submit another one",
        )
    if study.method != GRID:
        found = axis.dimension(path, limit)
    elif require_values(axis).number > limit:
        _refuse_number(axis.number, limit)
    else:
        found = Dimension(path, values=tuple(axis.values()))
    if any(True for value in found.values for _ in secrets_in({axis.key: value})):
        raise InvalidRequest(
            f"{axis.key[:60]} looks like a secret, and the journal keeps it", where=where, fix="Leave it out"
        )
    return found


def _refuse_number(count: int, limit: int) -> NoReturn:
    fix = f"Give fewer values, or raise the limit with --max-runs {count}"
    raise InvalidPlan(f"the sweep has {count:,} runs then, the limit is {limit:,}", where="extend", fix=fix)


def _combinations(study: Study, limit: int) -> list[dict[str, object]]:
    count = study.repeat
    for each in study.space:
        count *= len(each.values)
    if count > limit:
        _refuse_number(count, limit)
    paths = [each.path for each in study.space]
    return [
        run
        for values in itertools.product(*(each.values for each in study.space))
        for run in repeated(dict(zip(paths, values, strict=True)), study.repeat)
    ]
