"""`runforge edit`: changes queued runs. Without an option, a terminal's editor opens the request of one run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from runforge.cli import changes, units
from runforge.cli.submit_order import retry_rules
from runforge.core.states import State
from runforge.documents.known_fields import HYPERPARAMETERS
from runforge.errors import InvalidRequest
from runforge.queue import edit as edits
from runforge.queue.edit import Edit
from runforge.queue.environment import Captured, capture
from runforge.sweeps.values import scalar

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
    retry: list[str] | None,
    backoff: str | None,
    name: str | None,
    tag: list[str] | None,
    notes: str | None,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Change the queued ones of the runs."""
    values = locals()
    given = _Given(**{field: values[field] for field in _Given._fields})
    named = [text for text in targets or [] if not _ASSIGNMENT.fullmatch(text)]
    assigned = [text for text in targets or [] if _ASSIGNMENT.fullmatch(text)]
    wish = _wish(given._replace(sets=[*(sets or []), *assigned]))
    here, selection = changes.choose(workspace, named, where, yes=yes, wish="Edit")
    job_ids = changes.wanted(selection, lambda job: job.state is State.QUEUED)
    return changes.report(edits.edit(here, job_ids, wish), as_json=as_json)


def _wish(given: _Given) -> Edit:
    """Return what the options change; InvalidRequest if they change nothing."""
    values = {**_parameters(given), **_limits(given), **_described(given)}
    if given.command is not None:
        values["model.command"] = given.command
    if given.folder is not None:
        values |= {"model.folder": os.path.abspath(given.folder), "model.cwd": None}
    captured = _environment(given)
    if not values and captured is None and given.priority is None:
        raise InvalidRequest("nothing is to be changed", fix="For example `runforge edit 12 lr=0.01`")
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
