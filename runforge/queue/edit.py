"""Changes queued runs without a lock: a run that was started or changed meanwhile stays as it is.

The new request is durable beside the old one before the journal names it, and takes its place afterwards. So a crash
anywhere leaves the old run or the new one (documents/edited_request.py). Whoever shows runs to a person keeps their
versions, and gives them back with the edit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from runforge import clock, failpoints
from runforge.core import recipe
from runforge.core.records import Job
from runforge.core.states import State
from runforge.documents import edited_request, strict_json
from runforge.documents.request import Request
from runforge.documents.request_file import digest, read_queued
from runforge.documents.request_options import is_learned
from runforge.queue import environment, hold, recall
from runforge.queue.change import announce, existing, tidy
from runforge.queue.changed import Changed
from runforge.queue.edit_wish import (
    DESCRIBING,
    Edit,
    Environment,
    environment_of,
    require_harmless,
    require_program,
    wanted,
)
from runforge.queue.submitting import parents_of
from runforge.store import edges, edits, learned, studies, transitions
from runforge.store.journal import Journal, Transaction
from runforge.training.check import check_request
from runforge.workspace import Workspace

_WRITTEN_AT_ONCE = 8


class _Plan(NamedTuple):
    """A run as it was read, and what becomes of it."""

    job: Job
    edit: Edit
    #: Name, tags and notes.
    described: dict[str, Any]
    #: The new request, None if it stays, and its bytes.
    request: Request | None = None
    data: bytes = b""
    columns: Mapping[str, Any] = {}
    environment: Environment | None = None


def edit(
    workspace: Workspace, asked: Mapping[str, Edit], versions: Mapping[str, int] | None = None
) -> Changed:
    """Change runs, each by its own edit (by job id): each wholly or not at all.

    `versions` are those that a person was shown; a run with another one stays as it is. One that waits in a cluster's
    queue is taken back for it. Raises InvalidRequest,
    Missing or OperationFailed, and nothing is changed, if a run could not start as it is wanted.
    """
    asks = {job_id: wish for job_id, wish in asked.items() if not wish.is_describing}
    stay_held = [job_id for job_id, wish in asks.items() if wish.held]
    with (
        recall.taken_back(workspace, asks, versions, stay_held=stay_held) as found,
        existing(workspace) as journal,
    ):
        plans, skipped = _plans(workspace, journal, asked, found)
        try:
            _write(workspace, plans)
            done, late = _commit(workspace, journal, plans)
            failpoints.hit("edit.committed")
        finally:  # a refused edit leaves nothing beside a request
            _place(workspace, journal, plans)
        failpoints.hit("edit.request_placed")
        tidy(journal)
    if done:
        announce(workspace)
    return Changed(done, [*skipped, *late])


def set_parameters(
    workspace: Workspace, values: Mapping[str, Mapping[str, Any]], versions: Mapping[str, int] | None = None
) -> Changed:
    """Set hyperparameters of queued runs: job id to name to value; None removes one."""
    return edit(workspace, {job_id: Edit(parameters=each) for job_id, each in values.items()}, versions)


# --- what is to be done ----------------------------------------------------------------------------


def _plans(
    workspace: Workspace, journal: Journal, asked: Mapping[str, Edit], versions: Mapping[str, int]
) -> tuple[list[_Plan], list[tuple[Job, str]]]:
    with journal.read() as tx:
        jobs = [edges.known_job(tx, job_id) for job_id in asked]
    plans, skipped = [], []
    for job in jobs:
        wish = asked[job.job_id]
        reason = _why_not(job, wish, versions.get(job.job_id))
        plan = _plan(workspace, job, wish) if reason is None else None
        if plan is None:
            skipped.append((job, reason or "is so already"))
        else:
            plans.append(plan)
    return plans, skipped


def _why_not(job: Job, wish: Edit, version: int | None) -> str | None:
    if job.waiting is not None and not wish.is_describing:
        return f"in Slurm's queue; `runforge hold {job.seq}` takes it back"
    if job.state is not State.QUEUED and not wish.is_describing:
        return f"already {job.state}"
    return "changed meanwhile" if version not in {None, job.version} else None


def _plan(workspace: Workspace, job: Job, wish: Edit) -> _Plan | None:
    """Return what an edit makes of a run; None if it changes nothing."""
    require_harmless(wish)
    described = _described(job, wish)
    plan = _Plan(job, wish, described)
    is_other = described != _described(job, Edit()) or _sets_gates(job, wish)
    if job.state is not State.QUEUED:
        return plan if is_other else None
    # A file that was changed by hand is taken as it is now.
    before, sha = read_queued(edited_request.current(workspace.root / job.run_dir, job.request_sha))
    new_environment = None
    if wish.environment is not None:
        new_environment = environment_of(workspace, before.environment, wish.environment, os.environ)
    new = wanted(job, before, wish, new_environment)
    if new.request.raw == before.raw and sha == (job.request_sha or sha):
        return plan if is_other else None
    _check(workspace, before, new.request)
    if new.request.command != before.command or new_environment is not None:
        require_program(workspace, new.request, new_environment)
    data = strict_json.dump(new.request.raw)
    columns = {
        "request_sha": digest(data),
        "env_id": new.request.env_id,
        "retry_rules": json.dumps([rule._asdict() for rule in new.request.retry]),
        "overrides": json.dumps(new.overrides),
        "stall_seconds": new.request.stall_seconds,
        "stall_kill": int(new.request.stall_kill),
        "is_resumable": int(new.request.resuming.is_resumable),
        "on_lost": new.request.resuming.on_lost,
        "recipe": recipe.recipe(new.request.raw, new.overrides),
        "config_hash": recipe.config_hash(new.request.raw),
    }
    return plan._replace(request=new.request, data=data, columns=columns, environment=new_environment)


def _described(job: Job, wish: Edit) -> dict[str, Any]:
    """Return name, tags and notes as columns of the journal."""
    found: dict[str, Any] = {name: getattr(job, name) for name in sorted(DESCRIBING)}
    for name, value in wish.fields.items():
        if name in DESCRIBING:
            found[name] = json.dumps(value or []) if name == "tags" else value
    return found


def _sets_gates(job: Job, wish: Edit) -> bool:
    """Return whether it changes when a run starts, or when it is told of; what it waits for is not compared."""
    return (
        wish.priority not in {None, job.priority}
        or wish.held not in {None, job.held}
        or (wish.not_before is not None and (wish.not_before or None) != job.not_before)
        or wish.after is not None
        or (wish.notify is not None and (wish.notify or None) != job.notify)
    )


def _check(workspace: Workspace, before: Request, after: Request) -> None:
    """Refuse a dataset or a folder that is not there, if it is another one."""
    if any(
        getattr(before, name) != getattr(after, name)
        for name in ("dataset_path", "label_column", "label_type", "separator", "cwd", "folder", "family")
    ) or before.hyperparameters.get("class_weight") != after.hyperparameters.get("class_weight"):
        check_request(after, workspace.root)


# --- the three steps -------------------------------------------------------------------------------


def _write(workspace: Workspace, plans: Sequence[_Plan]) -> None:
    """Make the new environments and requests durable. The journal knows none of them."""
    captured = [plan.environment.captured for plan in plans if plan.environment is not None]
    for each in {one.id: one for one in captured if one is not None}.values():
        environment.keep(workspace, each)
    new = [plan for plan in plans if plan.request is not None]
    with ThreadPoolExecutor(_WRITTEN_AT_ONCE) as pool:
        for _ in pool.map(lambda plan: _keep(workspace, plan), new):
            pass


def _keep(workspace: Workspace, plan: _Plan) -> None:
    edited_request.keep(workspace.root / plan.job.run_dir, plan.data)
    failpoints.hit("edit.request_kept")


def _commit(
    workspace: Workspace, journal: Journal, plans: Sequence[_Plan]
) -> tuple[list[Job], list[tuple[Job, str]]]:
    """Let the journal name the new requests, in one transaction; return who was changed, and who was not."""
    done, late = [], []
    now = clock.now()
    with journal.write() as tx:
        for plan in plans:
            job = edges.known_job(tx, plan.job.job_id)
            reason = _why_not(job, plan.edit, plan.job.version) or _twin(tx, job, plan)
            if reason is None and plan.request is not None:
                _exchange(workspace, tx, plan, plan.request, now)
            if reason is None:
                edits.describe(tx, job, plan.described, now)
                _set_gates(tx, job, plan.edit, now)
                done.append(edges.known_job(tx, job.job_id))
            else:
                late.append((job, reason))
    return done, late


def _twin(tx: Transaction, job: Job, plan: _Plan) -> str | None:
    """Return that another run of its sweep does already what this one would do; None if none does."""
    digest_of_new = plan.columns.get("config_hash", job.config_hash)
    if job.group_id is None or job.overrides == "{}" or digest_of_new == job.config_hash:
        return None
    same = [row["seq"] for row in studies.known(tx, job.group_id, [digest_of_new]) if row["seq"] != job.seq]
    return f"would be the same as run {same[0]}" if same else None


def _exchange(workspace: Workspace, tx: Transaction, plan: _Plan, request: Request, now: str) -> None:
    folder = workspace.root / plan.job.run_dir
    if not edited_request.beside(folder, plan.columns["request_sha"]).exists():
        edited_request.keep(folder, plan.data)  # another edit has just cleaned up
    learns = is_learned(request.raw.get("resources"))
    needs = request.needs
    if learns:
        needs = learned.needs(tx, needs, plan.columns.get("recipe"), plan.columns["overrides"])
    edits.exchange(tx, plan.job, needs, {**plan.columns, "learns": int(learns)}, now)


def _set_gates(tx: Transaction, job: Job, wish: Edit, now: str) -> None:
    if wish.priority is not None:
        tx.run("jobs.set_priority", job_id=job.job_id, priority=wish.priority, now=now)
    if wish.held is not None:
        hold.set_held(tx, [job.job_id], now, is_held=wish.held)
    if wish.not_before is not None:
        edits.start_after(tx, job, wish.not_before or None, now)
    if wish.notify is not None:
        tx.run("jobs.set_notify", job_id=job.job_id, notify=wish.notify or None)
    if wish.after is not None:
        edges.clear(tx, job, now)
        transitions.depend(tx, job.job_id, parents_of(tx, wish.after), now)


def _place(workspace: Workspace, journal: Journal, plans: Sequence[_Plan]) -> None:
    """Let the requests that the journal names take the places of the old ones, and remove what is left of others."""
    with journal.locked(), journal.read() as tx:
        for plan in plans:
            job = edges.job_of(tx, plan.job.job_id)
            if job is not None and plan.request is not None:
                folder = workspace.root / job.run_dir
                edited_request.place(folder, job.request_sha)
                edited_request.forget_others(folder, job.request_sha)
