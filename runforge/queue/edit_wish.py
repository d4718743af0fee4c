"""What an edit asks for, and the request that comes of it. Nothing is written here but a new environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runforge.core.records import Job
from runforge.documents import environment as stored
from runforge.documents.placeholders import flat, names_in, require_filled, takes_all
from runforge.documents.request import Request, parse_request
from runforge.documents.request_options import EnvironmentRef
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidRequest, Missing
from runforge.files.durable import read_if_there
from runforge.queue import environment_words
from runforge.queue.environment import Captured, capture
from runforge.queue.ordering import After, path_of
from runforge.sweeps.effect import require_reported
from runforge.text import did_you_mean
from runforge.workspace import Workspace

#: Fields that say nothing about what a run does: they may change in any state.
DESCRIBING = frozenset({"name", "tags", "notes"})


class NewEnvironment(NamedTuple):
    """How a run's environment is changed."""

    #: `NAME=value`
    overrides: tuple[str, ...] = ()
    #: Names to store although they look like secrets.
    keep: tuple[str, ...] = ()
    #: A file of `NAME=value` lines that is read at each launch.
    source: Path | None = None


class Environment(NamedTuple):
    """An environment as a request names it, and what must be stored for it."""

    document: dict[str, Any]
    captured: Captured | None


class Edit(NamedTuple):
    """What is to be changed in a run; what is not named stays."""

    #: Dot path in the request to its new value; None removes the field.
    fields: Mapping[str, Any] = {}
    #: Hyperparameter, or a field's dot path, to its new value; None removes it.
    parameters: Mapping[str, Any] = {}
    #: Hyperparameters to remove, which must be there.
    unset: tuple[str, ...] = ()
    environment: NewEnvironment | None = None
    priority: int | None = None
    held: bool | None = None
    #: UTC; an empty text is at once.
    not_before: str | None = None
    #: What it waits for from now on, instead of what it waited for.
    after: tuple[After, ...] | None = None
    #: When it tells of itself; an empty text is as configured.
    notify: str | None = None

    @property
    def is_describing(self) -> bool:
        """Whether it changes only what may change in any state."""
        return self == Edit(fields=self.fields, notify=self.notify) and set(self.fields) <= DESCRIBING


class Wanted(NamedTuple):
    """The request of a run after an edit, and what its sweep and the edits have given it."""

    request: Request
    overrides: dict[str, Any]


def require_harmless(edit: Edit) -> None:
    """Refuse a secret in what the journal keeps."""
    told = {name: value for name, value in edit.fields.items() if name in DESCRIBING}
    secret = next(secrets_in({**told, **edit.parameters}), None)
    if secret is not None:
        fix = "Pass it in a file with --env-from"
        raise InvalidRequest(f"{secret} looks like a secret, and the journal keeps it", fix=fix)


def wanted(job: Job, request: Request, edit: Edit, environment: Environment | None) -> Wanted:
    """Return the checked request that an edit makes of a run's. Raises InvalidRequest that names the run."""
    where = f"edit {job.seq}"
    if request.family != "command" and not {"model.command", "model.shell"}.isdisjoint(edit.fields):
        raise InvalidRequest(
            f"it is no command but {request.family}", where=where, fix="Change its parameters: --set"
        )
    document = json.loads(json.dumps(request.raw))
    for path, value in edit.fields.items():
        _set(document, path, value, where)
    paths = _paths(request, edit, where)
    for path, value in paths.items():
        _set(document, path, value, where)
    if environment is not None:
        document["environment"] = environment.document
    parsed = parse_request(document, where=where)
    require_filled(parsed, where=where)
    is_other = (parsed.objective, parsed.family) != (request.objective, request.family)
    if parsed.objective is not None and is_other:
        require_reported(parsed.objective.metric, {parsed.family}, where=where)
    _require_read(parsed, request, edit, where)
    overrides = {**json.loads(job.overrides), **paths}
    kept = {path: value for path, value in overrides.items() if value is not None or path not in paths}
    return Wanted(parsed, kept)


def _paths(request: Request, edit: Edit, where: str) -> dict[str, Any]:
    """Return the new values of the parameters by dot path."""
    is_command = request.family == "command"
    known = [name for name, _ in flat(request.hyperparameters)] + list(request.hyperparameters)
    for name in edit.unset:
        if name not in known:
            listed = ", ".join(known[:8]) or "it has none"
            fix = did_you_mean(name, known) or f"Its parameters: {listed}"
            raise InvalidRequest(f"there is no parameter {name[:60]!r} to remove", where=where, fix=fix)
    changes = {**edit.parameters, **dict.fromkeys(edit.unset)}
    return {path_of(name, is_command=is_command): value for name, value in changes.items()}


def _require_read(new: Request, old: Request, edit: Edit, where: str) -> None:
    """Refuse a new parameter of a command that names it nowhere: the run would not be another one."""
    if new.family != "command" or takes_all(new.command):
        return
    known = [name for name, _ in flat(old.hyperparameters)] + list(old.hyperparameters)
    named = names_in(new.command)
    for name, value in edit.parameters.items():
        is_named = any(name == each or _is_below(name, each) or _is_below(each, name) for each in named)
        if value is not None and name not in known and not is_named:
            fix = (
                did_you_mean(name, [*known, *named])
                or f"Change the command: runforge edit ... -- {_shown(new)}"
            )
            raise InvalidRequest(f"the command does not name {{{name[:60]}}}", where=where, fix=fix)


def _is_below(name: str, other: str) -> bool:
    return name.startswith(f"{other}.")


def _shown(request: Request) -> str:
    return " ".join(request.command)[:80]


def _set(document: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Put a value at a dot path; None removes what is there."""
    *parents, last = path.split(".")
    place: Any = document
    for name in parents:
        if place.get(name) is None:
            if value is None:
                return
            place[name] = {}
        place = place[name]
        if not isinstance(place, dict):
            raise InvalidRequest(f"{path[:80]} leads into {name!r}, which is no object", where=where)
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


def environment_of(
    workspace: Workspace, ref: EnvironmentRef | None, wish: NewEnvironment, shell: Mapping[str, str]
) -> Environment:
    """Return the environment that a run gets. A run in the daemon's gets that of the shell if values change."""
    if ref is None or ref.id is None:
        if wish.source is not None and not wish.overrides and not wish.keep:
            source = capture({}, source=wish.source).document()["from"]  # it must be readable
            return Environment({"id": None, "from": source, "secrets": []}, None)
        new = capture(shell, wish.overrides, keep=wish.keep, source=wish.source)
        return Environment(new.document(), new)
    before = variables_of(workspace, ref.id)
    kept = [name for name, value in before.items() if stored.is_secret_variable(name, value)]
    added = {name: shell[name] for name in wish.keep if name in shell and name not in before}
    source = wish.source or (Path(ref.source) if ref.source is not None else None)
    new = capture({**before, **added}, wish.overrides, keep=[*kept, *wish.keep], source=source)
    secrets = {name for name in ref.secrets if name not in new.variables}
    new = new._replace(secrets=tuple(sorted({*secrets, *new.secrets})))
    return Environment(new.document(), new)


def require_program(workspace: Workspace, request: Request, new: Environment | None) -> None:
    """Refuse a command whose program is not to be found in its environment; the daemon's is not known here."""
    if request.family != "command" or request.env_id is None:
        return
    captured = new.captured if new is not None else None
    variables = captured.variables if captured is not None else variables_of(workspace, request.env_id)
    folder = Path(request.folder) if request.folder is not None else workspace.root / (request.cwd or "")
    environment_words.require_program(request, variables, folder)


def variables_of(workspace: Workspace, env_id: str) -> dict[str, str]:
    """Return a stored environment; Missing if it is lost or was changed."""
    path = workspace.env_file(env_id)
    data = read_if_there(path, stored.LIMIT)
    found = stored.parse(data) if data is not None and stored.digest(data) == env_id else None
    if found is None:
        raise Missing(
            f"the run's environment is lost or changed: {path}", fix="Remove the run, and submit it again"
        )
    return found
