"""`runforge edit` changes queued runs, and `runforge rerun` makes new ones, with the same options.

Without an option, `edit` opens the request of one run in an editor.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from runforge.cli import changes, edit_text, units
from runforge.cli.resuming import resuming
from runforge.cli.submit_order import retry_rules
from runforge.core.records import Job
from runforge.core.states import State
from runforge.documents.known_fields import HYPERPARAMETERS
from runforge.errors import InvalidRequest
from runforge.queue import edit as edits
from runforge.queue import rerun as reruns
from runforge.queue.changed import Changed
from runforge.queue.edit import Edit
from runforge.queue.environment import Captured, capture
from runforge.sweeps.values import scalar
from runforge.workspace import Workspace

_ASSIGNMENT = re.compile(r"([A-Za-z_][\w.]*)=(.*)", re.DOTALL)
#: A name that begins so is a path in the request; all others are hyperparameters.
_PLACES = frozenset({"model", "dataset", "device", "resources", "objective"})
_NONE = "none"


class _Given(NamedTuple):
    """The options of one call that change something, by the names in the table of commands."""

    sets: list[str] | None
    unset: list[str] | None
    command: str | None
    folder: Path | None
    env: list[str] | None
    env_keep: list[str] | None
    env_from: Path | None
    env_here: bool
    gpus: int | None
    cpus: int | None
    mem: str | None
    priority: int | None
    time: str | None
    grace: str | None
    resumable: str | None
    on_lost: str | None
    retry: list[str] | None
    backoff: str | None
    name: str | None
    tag: list[str] | None
    notes: str | None


def edit(
    targets: list[str] | None,
    where: str | None,
    yes: bool,
    sets: list[str] | None,
    unset: list[str] | None,
    command: str | None,
    folder: Path | None,
    env: list[str] | None,
    env_keep: list[str] | None,
    env_from: Path | None,
    env_here: bool,
    gpus: int | None,
    cpus: int | None,
    mem: str | None,
    priority: int | None,
    time: str | None,
    grace: str | None,
    resumable: str | None,
    on_lost: str | None,
    retry: list[str] | None,
    backoff: str | None,
    name: str | None,
    tag: list[str] | None,
    notes: str | None,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Change the queued ones of the runs."""
    call = _call(locals())
    if call.wish is None and not edit_text.is_possible():
        raise InvalidRequest("nothing is to be changed", fix="For example `runforge edit 12 lr=0.01`")
    here, selection = changes.choose(workspace, call.targets, where, yes=yes, wish="Edit")
    job_ids = changes.wanted(selection, lambda job: job.state is State.QUEUED)
    if call.wish is None:
        return changes.report(_in_editor(here, selection.jobs, job_ids), as_json=as_json)
    return changes.report(edits.edit(here, job_ids, call.wish), as_json=as_json)


@functools.wraps(edit, assigned=())
def rerun(**options: Any) -> int:
    """Queue new runs like the old ones, with the same options as `edit`."""
    call = _call(options)
    where, workspace, yes = options["where"], options["workspace"], options["yes"]
    here, selection = changes.choose(workspace, call.targets, where, yes=yes, wish="Run again")
    made = reruns.rerun(here, [job.job_id for job in selection.jobs], call.wish)
    return changes.report(Changed(made, []), as_json=options["as_json"])


class _Call(NamedTuple):
    """The runs that are named, and what is to be changed: None if nothing is."""

    targets: list[str]
    wish: Edit | None


def _call(options: dict[str, Any]) -> _Call:
    """Return what the options of one call mean; a target with `=` in it is a parameter."""
    words = options["targets"] or []
    assigned = [word for word in words if _ASSIGNMENT.fullmatch(word)]
    given = _Given(**{field: options[field] for field in _Given._fields})
    wish = _wish(given._replace(sets=[*(given.sets or []), *assigned]))
    return _Call([word for word in words if word not in assigned], wish)


def _in_editor(here: Workspace, jobs: list[Job], job_ids: list[str]) -> Changed:
    """Edit one run as a text."""
    (job, *others) = [job for job in jobs if job.job_id in job_ids]
    if others:
        raise InvalidRequest(
            f"an editor takes one run, and {len(others) + 1} are chosen",
            fix="Name one, or say what is to be changed: `runforge edit 3-9 lr=0.01`",
        )
    if job.state is not State.QUEUED:
        return edits.edit(here, [job.job_id], Edit(priority=job.priority))  # says why not
    return edit_text.edit_text(here, job)


def _wish(given: _Given) -> Edit | None:
    """Return what the options change; None if there are none."""
    asked = resuming(given.resumable, given.on_lost, none=_NONE)
    values = {**_parameters(given), **_limits(given), **asked, **_described(given)}
    if given.command is not None:
        values["model.command"] = given.command
    if given.folder is not None:
        values |= {"model.folder": os.path.abspath(given.folder), "model.cwd": None}
    captured = _environment(given)
    if not values and captured is None and given.priority is None:
        return None
    return Edit(values, given.priority, captured)


def _parameters(given: _Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given.sets or []:
        match = _ASSIGNMENT.fullmatch(text)
        if match is None:
            raise InvalidRequest(f"--set {text[:60]!r} is not KEY=VALUE", fix="For example lr=0.01")
        found[_path(match[1])] = scalar(match[2])
    return found | {_path(name): None for name in given.unset or []}


def _path(key: str) -> str:
    return key if "." in key and key.partition(".")[0] in _PLACES else f"{HYPERPARAMETERS}.{key}"


def _limits(given: _Given) -> dict[str, Any]:
    counts = {"resources.gpus": given.gpus, "resources.cpus": given.cpus}
    found: dict[str, Any] = {path: value for path, value in counts.items() if value is not None}
    if given.mem is not None:
        found["resources.mem_mb"] = units.size_mb(given.mem, "--mem")
    for path, option, text in (
        ("timeout_seconds", "-t", given.time),
        ("grace_seconds", "--grace", given.grace),
    ):
        if text is not None:
            found[path] = None if text == _NONE else units.duration(text, option)
    if given.retry:
        found["retry"] = None if given.retry == ["0"] else retry_rules(given.retry, given.backoff)
    elif given.backoff is not None:
        raise InvalidRequest("--backoff is about retries", fix="Add --retry N")
    return found


def _described(given: _Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.tag:
        found["tags"] = [tag for tag in given.tag if tag] or None
    if given.notes is not None:
        found["notes"] = given.notes or None
    if given.name is not None:
        found["name"] = given.name or None
    return found


def _environment(given: _Given) -> Captured | None:
    if not (given.env_here or given.env or given.env_keep or given.env_from is not None):
        return None
    return capture(os.environ, given.env or [], keep=given.env_keep or [], source=given.env_from)
