"""Changes what queued runs will do. There is no lock: a run that starts or is edited meanwhile is left as it is.

The new request is written as `request.<digest>.json` and durable before the journal names its digest; then it takes
the place of request.json. Whoever reads a request finishes that (`request_file.settle`). So a kill at any moment
leaves the old run or the new one.
"""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.core.submission import USUAL
from runforge.documents import request_file, strict_json
from runforge.documents.known_fields import HYPERPARAMETERS, hint, is_known
from runforge.documents.placeholders import flat, names_in, require_filled, takes_all
from runforge.documents.request import Request, parse_request
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidRequest
from runforge.files.durable import fsync_dir, fsync_files, write_new
from runforge.queue import environment, taken_request
from runforge.queue.change import announce, existing, tidy
from runforge.queue.changed import Changed
from runforge.queue.environment import Captured
from runforge.queue.new_jobs import queued_as
from runforge.store import edges, transitions
from runforge.store.journal import Journal, Transaction
from runforge.text import did_you_mean
from runforge.training.check import check_request
from runforge.workspace import Workspace

#: What says something about a run and changes nothing that it does: it may be changed in any state.
LABELS = frozenset({"name", "tags", "notes"})


class Edit(NamedTuple):
    """What is to be changed in each run."""

    #: Dot path in the request to the new value; None removes the field.
    values: Mapping[str, Any] = {}
    priority: int | None = None
    #: The environment that the runs get.
    environment: Captured | None = None
    #: Changes the whole request, after the values.
    rewrite: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    #: The edits that its author has seen (`Job.version`): another one meanwhile is not overwritten.
    version: int | None = None

    @property
    def is_of_labels(self) -> bool:
        """Whether it only describes."""
        own = self.priority is None and self.environment is None and self.rewrite is None
        return own and self.values.keys() <= LABELS


class _New(NamedTuple):
    """A run as it will be."""

    job: Job
    folder: Path
    data: bytes
    sha: str
    needs: Resources
    columns: dict[str, object]


def edit(workspace: Workspace, job_ids: Sequence[str], wish: Edit) -> Changed:
    """Change the queued ones of the jobs; of others only names, tags and notes.

    Raises InvalidRequest or Missing before anything is changed if one of them could not run then.
    """
    check_paths(wish)
    with existing(workspace) as journal:
        with journal.read() as tx:
            jobs = [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)]
        queued = [job for job in jobs if job.state is State.QUEUED]
        made = {job.job_id: _prepared(workspace, job, wish) for job in queued}
        if wish.environment is not None and made:
            environment.keep(workspace, wish.environment)
        changed, skipped = _commit(journal, jobs, made, wish)
        for new in changed:
            request_file.settle(new.folder, new.sha)
            failpoints.hit("edit.one_renamed")
        with journal.read() as tx:
            described = [job for job in jobs if job.job_id not in made and wish.is_of_labels]
            done = [edges.known_job(tx, job.job_id) for job in (*(new.job for new in changed), *described)]
        tidy(journal)
    if done:
        announce(workspace)
    return Changed(sorted(done, key=lambda job: job.seq), skipped)


def check_paths(wish: Edit) -> None:
    """Refuse a path that no run reads, and what looks like a secret where the journal keeps it."""
    for path, value in wish.values.items():
        if not is_known(path):
            raise InvalidRequest(f"no run reads {path!r:.80}", fix=hint(path))
        name = path.rpartition(".")[2]
        if (path in LABELS or path.startswith(HYPERPARAMETERS)) and any(secrets_in({name: value})):
            raise InvalidRequest(
                f"{path:.80} looks like a secret, and the journal keeps what is edited",
                fix="Put it in a file for --env-from",
            )


def _prepared(workspace: Workspace, job: Job, wish: Edit) -> _New:
    """Return the run as it will be. A request.json that was edited by hand is taken as it is now."""
    folder = workspace.root / job.run_dir
    request_file.settle(folder, job.request_sha)
    old, was = request_file.read_queued(folder / "request.json")
    document = with_values(old, wish)
    where = f"run {job.seq}"
    request = parse_request(document, where=where)
    require_used(old, request, wish, where)
    require_filled(request, where=where)
    check_request(request, workspace.root)
    data = strict_json.dump(document)
    is_same = document == old.raw and was == job.request_sha
    sha = was if is_same else request_file.digest(data)
    return _New(job, folder, data, sha, request.needs, _columns(job, request, sha, wish))


def with_values(old: Request, wish: Edit) -> dict[str, Any]:
    """Return the document of a request with what is to be changed; it is not checked yet."""
    document = copy.deepcopy(old.raw)
    for path, value in wish.values.items():
        _set(document, path, value)
    model = document["model"]
    if isinstance(model.get("command"), str) and not model.get("shell"):
        model["command"] = _words(model["command"])
    if "resources.gpus" in wish.values:
        _set(document, "device.type", "gpu" if wish.values["resources.gpus"] else "cpu")
    if wish.environment is not None:
        document["environment"] = wish.environment.document()
    return wish.rewrite(document) if wish.rewrite is not None else document


def _words(line: str) -> list[str]:
    """Return the program and the arguments in a text, as a shell would divide them."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"the command cannot be divided: {error}", where=line[:60]) from None


def require_used(old: Request, new: Request, wish: Edit, where: str) -> None:
    """Refuse a new hyperparameter that the command of a run does not take: most often it is a typing mistake."""
    if new.family != "command" or takes_all(new.command):
        return
    known = {name for name, _ in flat(old.hyperparameters)} | set(names_in(new.command))
    parents = {name.rpartition(".")[0] for name in known} | {name.partition(".")[0] for name in known}
    for path, value in wish.values.items():
        name = path.removeprefix(f"{HYPERPARAMETERS}.")
        if name == path or value is None or name in known | parents or name.partition(".")[0] in known:
            continue
        hinted = did_you_mean(name, known)
        fix = hinted or f"It takes {', '.join(sorted(known)[:8]) or 'none'}"
        raise InvalidRequest(f"the command has no parameter {name!r:.80}", where=where, fix=fix)


def _set(document: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a dot path; None removes what is there."""
    *parents, last = path.split(".")
    place: Any = document
    for depth, name in enumerate(parents):
        if value is None and name not in place:
            return
        if not isinstance(place.setdefault(name, {}), dict):
            raise InvalidRequest(f"{path:.80}: {'.'.join(parents[: depth + 1])} is not an object")
        place = place[name]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = copy.deepcopy(value)


def _columns(job: Job, request: Request, sha: str, wish: Edit) -> dict[str, object]:
    """Return what the journal must know of the new request."""
    overrides = taken_request.followed(json.loads(job.overrides), request.raw)
    asked = queued_as(request, sha, USUAL, json.dumps(overrides))
    kept = asked.retry_rules == job.retry_rules
    return {
        **{name: getattr(asked, name) for name in ("request_sha", "env_id", "retry_rules", "overrides")},
        **{name: getattr(asked, name) for name in ("recipe", "config_hash")},
        **{name: getattr(asked, name) for name in ("name", "tags", "notes")},
        "retries_used": job.retries_used if kept else "[]",
        "priority": job.priority if wish.priority is None else wish.priority,
    }


def _commit(
    journal: Journal, jobs: Sequence[Job], made: Mapping[str, _New], wish: Edit
) -> tuple[list[_New], list[tuple[Job, str]]]:
    """Change all of them in one transaction; return the edited ones, and the others with the reason."""
    changed: list[_New] = []
    skipped = []
    with _removed_on_failure(changed), journal.write() as tx:
        now = clock.now()
        for job in jobs:
            reason = _edit_one(tx, job, made.get(job.job_id), wish, now)
            if reason is not None:
                skipped.append((job, reason))
            elif job.job_id in made:
                changed.append(made[job.job_id])
        _write(changed)
        failpoints.hit("edit.written")
    failpoints.hit("edit.committed")
    return changed, skipped


def _edit_one(tx: Transaction, job: Job, new: _New | None, wish: Edit, now: str) -> str | None:
    """Change the row of one job; return why it was left as it is."""
    if new is None:
        if not wish.is_of_labels:
            return f"already {job.state}" if job.state is State.RUNNING else f"is {job.state}"
        labels = {name: getattr(job, name) for name in LABELS} | _as_columns(wish.values)
        tx.run("jobs.describe", job_id=job.job_id, now=now, **labels)
        return None
    reason = _why_not(tx, job, new, wish)
    if reason is not None:
        return reason
    if transitions.edit(tx, job, new.needs, now, **new.columns):
        return None
    return "was edited meanwhile" if edges.known_job(tx, job.job_id).state is State.QUEUED else "has started"


def _why_not(tx: Transaction, job: Job, new: _New, wish: Edit) -> str | None:
    if wish.version is not None and job.version != wish.version:
        return "was edited meanwhile"
    if new.sha == job.request_sha and new.columns["priority"] == job.priority:
        return "is so already"
    twin = _twin(tx, job, new)
    return None if twin is None else f"would be the same as run {twin}"


def _twin(tx: Transaction, job: Job, new: _New) -> int | None:
    """Return the number of another run of the same sweep that does what this one would do; None if there is none."""
    wanted = new.columns["config_hash"]
    if job.group_id is None or job.overrides == "{}" or wanted == job.config_hash:
        return None
    found = tx.rows("jobs.of_configs", group_id=job.group_id, hashes=json.dumps([wanted]))
    return next((int(row["seq"]) for row in found if row["seq"] != job.seq), None)


def _as_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value or []) if name == "tags" else value for name, value in values.items()}


def _write(changed: Sequence[_New]) -> None:
    """Write the new requests, durable, under the names of their digests."""
    files = []
    others = [new for new in changed if new.sha != new.job.request_sha]
    for new in others:
        for stray in new.folder.glob(request_file.EDITED):  # a killed edit's; no other is at work now
            stray.unlink()
        files.append(request_file.edited(new.folder, new.sha))
        write_new(files[-1], new.data, durable=False)
    fsync_files(files)
    for new in others:
        fsync_dir(new.folder)


@contextmanager
def _removed_on_failure(changed: Sequence[_New]) -> Iterator[None]:
    """If the block fails, delete the new requests: no job names them."""
    try:
        yield
    except BaseException:
        for new in changed:
            request_file.edited(new.folder, new.sha).unlink(missing_ok=True)
        raise
