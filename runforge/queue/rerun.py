"""Makes new runs from old ones, whatever became of those: the same request and environment, changed as asked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from runforge import clock, failpoints, ids
from runforge.core.records import Job
from runforge.core.submission import Submission, like
from runforge.documents import edited_request
from runforge.documents.request import Request
from runforge.documents.request_file import read_new_request
from runforge.queue import environment
from runforge.queue.change import announce, existing
from runforge.queue.edit_wish import (
    DESCRIBING,
    Edit,
    Environment,
    environment_of,
    require_harmless,
    require_program,
    wanted,
)
from runforge.queue.new_jobs import NewRun, queued_as, reserved
from runforge.queue.rerun_code import Codes
from runforge.queue.run_folders import RunFolders, all_or_nothing
from runforge.queue.submit import insert_single
from runforge.queue.submitting import parents_of
from runforge.store import code as codes
from runforge.store import edges, targets, transitions
from runforge.store.code import Code
from runforge.store.journal import Journal, Transaction
from runforge.training.check import check_request
from runforge.workspace import Workspace


class _Copy(NamedTuple):
    """A new run that is to be made."""

    old: Job
    edit: Edit
    request: Request
    overrides: dict[str, Any]
    environment: Environment | None
    code: Code | None


def rerun_one(workspace: Workspace, name: str) -> Job:
    """Make a new run from the one that a name means."""
    with existing(workspace) as journal, journal.read() as tx:
        old = targets.job(tx, name)
    return rerun(workspace, {old.job_id: Edit()})[0]


def rerun(
    workspace: Workspace, asked: Mapping[str, Edit], group: str | None = None, *, code: str | None = None
) -> list[Job]:
    """Make a new run from each of these (by job id), with its edit, in its group or in another; all or nothing.

    `rerun_from` in a copy names the old run. `code` is `then` or `now`; None is as the old one. Raises Missing, InvalidRequest or OperationFailed, and makes nothing,
    if a run could not start.
    """
    with existing(workspace) as journal:
        with journal.read() as tx:
            olds = [edges.known_job(tx, job_id) for job_id in asked]
            found = {old.code_tree: codes.read(tx, old.code_tree) for old in olds if old.code_tree}
        known = Codes(workspace, code, {code_id: each for code_id, each in found.items() if each is not None})
        copies = [_copy(workspace, old, asked[old.job_id], known) for old in olds]
        for copy in copies:
            if copy.environment is not None and copy.environment.captured is not None:
                environment.keep(workspace, copy.environment.captured)
        folders = RunFolders(workspace)
        with all_or_nothing(journal, folders, len(copies)):
            made = _make(journal, folders, copies, group)
    announce(workspace)
    return made


def _copy(workspace: Workspace, old: Job, wish: Edit, known: Codes) -> _Copy:
    """Return the checked request of a copy."""
    require_harmless(wish)
    before = read_new_request(edited_request.current(workspace.root / old.run_dir, old.request_sha))
    new_environment = None
    if wish.environment is not None:
        new_environment = environment_of(workspace, before.environment, wish.environment, os.environ)
    # Name, tags and notes may have been changed since, in the journal alone.
    told = {"name": old.name, "tags": json.loads(old.tags), "notes": old.notes}
    fields = {name: told[name] for name in sorted(DESCRIBING) if told[name]} | dict(wish.fields)
    placed = known.edited(old, before, wish._replace(fields=fields))
    request, overrides = wanted(old, before, placed, new_environment)
    check_request(request, workspace.root)
    require_program(workspace, request, new_environment)
    code = known.of(old, request, new_environment)
    return _Copy(old, wish, request, overrides, new_environment, code)


def _make(journal: Journal, folders: RunFolders, copies: list[_Copy], group: str | None) -> list[Job]:
    now = clock.now()

    def named(first: int) -> list[str]:
        return [_run_id(copy.request, now, first + index) for index, copy in enumerate(copies)]

    with reserved(journal, folders, len(copies), named) as numbers:
        requests = [{**copy.request.raw, "rerun_from": copy.old.run_id} for copy in copies]
        digests = folders.make_runs(numbers.run_ids, requests)
        with numbers.write() as tx:
            for copy, run_id, sha in zip(copies, numbers.run_ids, digests, strict=True):
                if copy.code is not None:
                    codes.note(tx, copy.code)
                submission = queued_as(
                    copy.request, sha, _submission(copy, group), json.dumps(copy.overrides)
                )
                run = NewRun(run_id, folders.path_of(run_id), copy.request.needs, submission)
                insert_single(tx, run, now)
                _wait(tx, run_id, copy.edit, now)
            failpoints.hit("submit.inserted")
            made = [targets.job(tx, run_id) for run_id in numbers.run_ids]
    return made


def _run_id(request: Request, now: str, number: int) -> str:
    return ids.named_run_id(now, request.name, number) if request.name else ids.sweep_run_id(now, number)


def _submission(copy: _Copy, group: str | None) -> Submission:
    wish, usual = copy.edit, like(copy.old)
    return usual._replace(
        group=usual.group if group is None else group,
        priority=usual.priority if wish.priority is None else wish.priority,
        held=bool(wish.held),
        not_before=wish.not_before or None,
        code_tree=None if copy.code is None else copy.code.id,
        notify=usual.notify if wish.notify is None else wish.notify or None,
    )


def _wait(tx: Transaction, run_id: str, wish: Edit, now: str) -> None:
    if wish.after:
        transitions.depend(tx, targets.job(tx, run_id).job_id, parents_of(tx, wish.after), now)
