"""Makes new runs from old ones, as they were or with changes. The old ones stay; `rerun_from` names them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from runforge import clock, ids
from runforge.core.records import Job
from runforge.core.submission import like
from runforge.documents import request_file
from runforge.documents.placeholders import require_filled
from runforge.documents.request import Request, parse_request
from runforge.errors import Missing
from runforge.queue import edit as edits
from runforge.queue import environment, taken_request
from runforge.queue.change import announce, existing
from runforge.queue.edit import Edit
from runforge.queue.new_jobs import NewRun, insert_job, lane_of, queued_as, reserve
from runforge.queue.run_folders import RunFolders, all_or_nothing
from runforge.store import edges, targets
from runforge.store.journal import Journal, Transaction
from runforge.training.check import check_request
from runforge.workspace import Workspace


class _Copy(NamedTuple):
    """An old run, and the request of its new one."""

    job: Job
    request: Request


def rerun(workspace: Workspace, job_ids: Sequence[str], wish: Edit | None = None) -> list[Job]:
    """Queue a new run for each of the jobs, in the same group, all or nothing. Their states do not matter.

    Raises Missing or InvalidRequest if one of them could not run.
    """
    wish = wish or Edit()
    edits.check_paths(wish)
    with existing(workspace) as journal:
        with journal.read() as tx:
            old = [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)]
        copies = [_Copy(job, _request(workspace, job, wish)) for job in old]
        if wish.environment is not None:
            environment.keep(workspace, wish.environment)
        folders = RunFolders(workspace)
        with all_or_nothing(journal, folders, len(copies)):
            made = _make(journal, folders, copies, wish)
    announce(workspace)
    return made


def _request(workspace: Workspace, job: Job, wish: Edit) -> Request:
    folder = workspace.root / job.run_dir
    request_file.settle(folder, job.request_sha)
    old = request_file.read_queued(folder / "request.json")[0]
    document = {**edits.with_values(old, wish), "rerun_from": job.run_id}
    where = f"run {job.seq}"
    request = parse_request(document, where=where)
    edits.require_used(old, request, wish, where)
    require_filled(request, where=where)
    check_request(request, workspace.root)
    if wish.environment is None and request.env_id and not workspace.env_file(request.env_id).exists():
        raise Missing(
            f"the environment of run {job.seq} is stored no more",
            fix="--env-here gives the new run that of this shell",
        )
    return request


def _make(journal: Journal, folders: RunFolders, copies: Sequence[_Copy], wish: Edit) -> list[Job]:
    now = clock.now()
    first_job, first_run = reserve(journal, len(copies))
    run_ids = [_run_id(now, copy, first_run + index) for index, copy in enumerate(copies)]
    digests = folders.make_runs(run_ids, [copy.request.raw for copy in copies])
    parent = journal.workspace.relative(journal.workspace.runs_dir)
    made = []
    with journal.write() as tx:
        for index, (copy, run_id, sha) in enumerate(zip(copies, run_ids, digests, strict=True)):
            new = _new_run(copy, run_id, f"{parent}/{run_id}", sha, wish)
            made.append(_insert(tx, copy.job, new, first_job + index, now))
    return made


def _run_id(now: str, copy: _Copy, number: int) -> str:
    name = copy.request.name
    return ids.sweep_run_id(now, number) if name is None else ids.named_run_id(now, name, number)


def _new_run(copy: _Copy, run_id: str, run_dir: str, sha: str, wish: Edit) -> NewRun:
    submission = like(copy.job)
    if wish.priority is not None:
        submission = submission._replace(priority=wish.priority)
    overrides: dict[str, Any] = json.loads(copy.job.overrides)
    changed = {path: None for path in overrides if path in wish.values}
    overrides |= taken_request.followed(changed, copy.request.raw)
    asked = queued_as(copy.request, sha, submission, json.dumps(overrides))
    return NewRun(run_id, run_dir, copy.request.needs, asked)


def _insert(tx: Transaction, old: Job, new: NewRun, number: int, now: str) -> Job:
    group = targets.group(tx, old.group_id) if old.group_id is not None else None
    job_id = insert_job(tx, new, lane_of(group), number, now)
    if group is not None:
        tx.run("groups.set_canceled", group_id=group.group_id, is_canceled=0, now=now)
        tx.run("groups.settle", group_id=group.group_id, now=now)
    return edges.known_job(tx, job_id)
