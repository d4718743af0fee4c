"""What the journal keeps of a sweep when it is queued: the space, the method, and what its later runs are made of."""

from __future__ import annotations

from runforge import failpoints
from runforge.core import space
from runforge.core.recipe import config_hash
from runforge.core.space import Dimension
from runforge.core.stop_rules import NO_RULE, parse, to_json
from runforge.core.study import GRID, LIST, OFF, RANDOM, TPE, Study, Template
from runforge.documents.secrets import secrets_in
from runforge.errors import OperationFailed
from runforge.queue.sifted import Known, Sifted
from runforge.store import studies, transitions
from runforge.sweeps.expand import drawn
from runforge.sweeps.run_overrides import RunOverrides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.records import Group
    from runforge.documents.plan import Plan
    from runforge.store.journal import Transaction

_OFF = '{"rule": "off"}'


def sift(tx: Transaction, group: Group | None, runs: Sequence[RunOverrides]) -> Sifted:
    """Divide the runs of a sweep: a configuration exists once in a group."""
    hashes = [config_hash(run.request.raw) for run in runs]
    there: dict[str, Known] = {}
    if group is not None:
        for row in studies.known(tx, group.group_id, hashes):
            there[row["config_hash"]] = Known(row["seq"], row["state"])
    new: dict[str, RunOverrides] = {}
    for digest, run in zip(hashes, runs, strict=True):
        if digest not in there:
            new.setdefault(digest, run)
    found = [there[digest] for digest in dict.fromkeys(hashes) if digest in there]
    return Sifted(list(new.values()), found, len(runs) - len(new) - sum(each in there for each in hashes))


def of_plan(plan: Plan, group_id: str, template: Template) -> Study:
    """Return the sweep of a plan as if it were the first of its group."""
    return _of_plan(plan, group_id, template)._replace(stop=_stop_of(plan), keep=plan.keep)


def _stop_of(plan: Plan) -> str:
    return _OFF if plan.stop == OFF else to_json(None if plan.stop is None else parse(plan.stop))


def _of_plan(plan: Plan, group_id: str, template: Template) -> Study:
    search = plan.search
    if search is None:
        axes = tuple(Dimension(axis.path, values=axis.values) for axis in plan.axes)
        return Study(group_id, GRID if axes else LIST, axes, template, repeat=plan.repeat)
    study = Study(group_id, search.method, search.space, template, search.seed, repeat=plan.repeat)
    if search.method == TPE:
        return study._replace(wanted=search.number * plan.repeat)
    found = drawn(search)
    made = len(found.runs) * plan.repeat
    return study._replace(wanted=made, made=made, asked=found.asked)


def _without_secrets(study: Study) -> Template:
    """Return what the journal keeps of what the runs have in common: no secret gets into it.

    A sweep with a secret in its request cannot be extended. One whose trials come later is refused.
    """
    secret = next(secrets_in(study.template.request), None)
    if secret is None:
        return study.template
    if study.method == TPE:
        fix = "Pass it in the environment, or in a file that the run reads"
        raise OperationFailed(
            f"{secret} looks like a secret, and the journal keeps what trials are made of", fix=fix
        )
    return study.template._replace(request={})


def keep(tx: Transaction, study: Study, count: int, now: str) -> int:
    """Write a sweep to which so many runs belong now; return the first one's number among its trials.

    A group that had a sweep goes on as the new one: its grid grows, its trials stay counted. Only a TPE sweep that
    still wants trials is refused.
    """
    study = study._replace(template=_without_secrets(study))
    before = studies.of_group(tx, study.group_id)
    first = studies.next_trial(tx, study.group_id)
    if before is not None:
        _require_done(before)
        if before.method == study.method == GRID:
            study = study._replace(space=space.merged(before.space, study.space))
        if before.method == study.method == RANDOM and before.space == study.space:
            study = study._replace(asked=max(before.asked, study.asked))
        study = study._replace(
            stop=before.stop if study.stop == NO_RULE else study.stop,
            keep=before.keep if study.keep is None else study.keep,
        )
    if study.stop == _OFF:
        study = study._replace(stop=NO_RULE)
    made = first + count if study.is_searched else first
    wanted = first + study.wanted if study.method == TPE else made
    studies.put(tx, study._replace(made=made, wanted=wanted))
    if study.method == TPE:
        tx.run("groups.set_open", group_id=study.group_id, is_open=1, now=now)
        transitions.settle(tx, study.group_id, now)
    failpoints.hit("sweep.noted")
    return first


def _require_done(before: Study) -> None:
    if before.method == TPE and before.made < before.wanted and before.ended is None:
        left = before.wanted - before.made
        raise OperationFailed(
            f"group {before.group_id} has a TPE sweep that wants {left} more trials",
            fix="`runforge extend GROUP -n N` lets it make more",
        )
