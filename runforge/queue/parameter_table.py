"""Runs as a table of what a person may change in them: one column for each parameter, and the changes of its cells.

A cell is a text: `0.1`, `adam`, `[1, 2]`; without a text the run has no such parameter.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from runforge.core.records import Job
from runforge.documents import edited_request
from runforge.documents.placeholders import flat
from runforge.documents.request import Request
from runforge.documents.request_file import read_queued
from runforge.errors import InvalidRequest
from runforge.queue.change import existing
from runforge.queue.edit_wish import Edit
from runforge.store import edges
from runforge.sweeps.values import scalar
from runforge.workspace import Workspace

#: What every run has besides its parameters. A parameter of the same name comes first.
OWN = ("name", "tags", "notes", "priority")
_COMMAND = "command"
_MOST_PRIORITY = 1_000_000


class Row(NamedTuple):
    """One run: its cells, and what they were read from."""

    job_id: str
    number: int
    state: str
    version: int
    cells: Mapping[str, str]
    #: Which cells are parameters; the others are the run's own fields.
    parameters: frozenset[str]
    is_shell: bool = False


class Table(NamedTuple):
    """Several runs and the columns that any of them has."""

    columns: Sequence[str]
    rows: Sequence[Row]


def read(workspace: Workspace, job_ids: Sequence[str]) -> Table:
    """Return runs as a table. Raises Missing or InvalidRequest for a run that has no readable request."""
    with existing(workspace) as journal, journal.read() as tx:
        jobs = [edges.known_job(tx, job_id) for job_id in job_ids]
    rows = [_row(job, _request(workspace, job)) for job in jobs]
    parameters = dict.fromkeys(name for row in rows for name in row.cells if name in row.parameters)
    others = [name for name in (_COMMAND, *OWN) if any(name in row.cells for row in rows)]
    return Table([*parameters, *(name for name in others if name not in parameters)], rows)


def _request(workspace: Workspace, job: Job) -> Request:
    return read_queued(edited_request.current(workspace.root / job.run_dir, job.request_sha))[0]


def _row(job: Job, request: Request) -> Row:
    parameters = {name: text_of(value) for name, value in flat(request.hyperparameters)}
    own = {
        "name": job.name or "",
        "tags": ", ".join(json.loads(job.tags)),
        "notes": job.notes or "",
        "priority": str(job.priority),
    }
    if request.command:
        own[_COMMAND] = request.command[0] if request.is_shell else shlex.join(request.command)
    cells = {**own, **parameters}
    return Row(
        job.job_id, job.seq, job.state.value, job.version, cells, frozenset(parameters), request.is_shell
    )


def text_of(value: Any) -> str:
    """Return a value as it is typed: a text without quotes, if it is read as the same text."""
    if isinstance(value, str) and value and _read(value) == value and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    """Return the value that a text means; InvalidRequest for a list or an object that is not whole."""
    if not text.startswith(("[", "{", '"')):
        return scalar(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{text[:40]!r} is no JSON: {error}", fix="Put a text into quotes") from None


def edit_of(row: Row, changed: Mapping[str, str]) -> Edit:
    """Return what the new texts of a run's cells ask for. InvalidRequest says which one cannot be read."""
    parameters: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    priority = None
    for name, typed in changed.items():
        text = typed.strip()
        try:
            if name in row.parameters or name not in {*OWN, _COMMAND}:
                parameters[name] = _read(text) if text else None
            elif name == "priority":
                priority = _priority(text)
            else:
                fields |= _field(row, name, text)
        except InvalidRequest as error:
            raise InvalidRequest(f"#{row.number} {name}: {error.message}", fix=error.fix) from None
    return Edit(fields=fields, parameters=parameters, priority=priority)


def _field(row: Row, name: str, text: str) -> dict[str, Any]:
    if name == _COMMAND:
        return {"model.command": list(_words(text, is_shell=row.is_shell))}
    if name == "tags":
        return {"tags": [tag for tag in text.replace(",", " ").split() if tag] or None}
    return {name: text or None}


def _words(text: str, *, is_shell: bool) -> Iterator[str]:
    try:
        words = [text] if is_shell else shlex.split(text)
    except ValueError as error:
        raise InvalidRequest(f"the quotes do not match: {error}") from None
    if not text or not words:
        raise InvalidRequest("a command cannot be empty")
    yield from words


def _priority(text: str) -> int:
    value = scalar(text) if text else 0
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST_PRIORITY:
        raise InvalidRequest(
            f"{text[:40]!r} is no priority", fix=f"A whole number, {-_MOST_PRIORITY} to {_MOST_PRIORITY}"
        )
    return value
