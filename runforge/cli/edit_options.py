"""Makes the edit of a run, or of a group, from the options of `edit` and `rerun`. Changes nothing."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from runforge.cli import gpu_names, units
from runforge.cli.resuming import resuming
from runforge.cli.submit_command import checked_command, is_utf8
from runforge.cli.submit_given import LISTS, Given
from runforge.cli.submit_order import (
    after_of,
    breaker_of,
    described_of,
    folder_of,
    limits_of,
    notify_of,
    vram_of,
)
from runforge.cli.submit_sweep import objective_of
from runforge.documents.request_options import stop_of
from runforge.errors import InvalidRequest
from runforge.queue.edit_group import GroupEdit
from runforge.queue.edit_wish import Edit, NewEnvironment
from runforge.sweeps import values as typed

#: Takes away what an option would set.
NONE = "none"
#: Option to the field of a request that `none` removes.
_REMOVABLE = {
    "time": "timeout_seconds",
    "grace": "grace_seconds",
    "mem": "resources.mem_mb",
    "vram": "resources.vram_mb",
    "gpu": "resources.devices",
    "notes": "notes",
    "stall": "stall_seconds",
    "retry": "retry",
    "tag": "tags",
}


_FLAGS = frozenset({"shell", "hold", "snapshot", "no_snapshot"})

#: A word that is no target but a parameter: `lr=0.01`.
_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.]*=.*", re.DOTALL)


class Wishes(NamedTuple):
    """What one call asks for."""

    #: For runs that were named themselves.
    of_run: Edit
    #: For the runs of groups that were named: what means the group is not theirs.
    of_member: Edit
    of_group: GroupEdit


def sorted_out(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the words `KEY=VALUE` among the targets where `--set` would have put them."""
    words = values["targets"] or []
    assigned = [word for word in words if _ASSIGNMENT.fullmatch(word)]
    targets = [word for word in words if word not in assigned]
    return {**values, "targets": targets, "assign": [*assigned, *(values["assign"] or ())]}


def read(values: dict[str, Any]) -> Wishes:
    """Return what the options ask for; InvalidRequest or Missing with what is wrong."""
    removed = {name: None for name in _REMOVABLE if values.get(name) in (NONE, [NONE])}
    given = Given(**{name: _value({**values, **removed}, name) for name in Given._fields})
    _require_together(given, values)
    fields: dict[str, Any] = {_REMOVABLE[name]: None for name in removed}
    if "stall" in removed:
        fields["stall_kill"] = None
    fields |= _resources(given) | limits_of(given) | described_of(given) | _command(given)
    fields |= resuming(given.resumable, given.on_lost, none=NONE)
    objective = None if given.metric is None else objective_of(given.metric)
    own: dict[str, Any] = {} if objective is None else {"objective": objective._asdict()}
    own |= {} if given.name is None else {"name": given.name}
    edit = Edit(
        fields={**fields, **own},
        parameters=dict(_assigned(text) for text in values["assign"] or ()),
        unset=tuple(values["unset"] or ()),
        environment=_environment(given),
        priority=given.priority,
        held=True if given.hold else None,
        not_before=_moment(given.at),
        after=_after(given.after),
        notify="" if given.notify == NONE else notify_of(given.notify),
    )
    of_group = GroupEdit(
        given.name,
        _notes(given, removed),
        given.max_parallel,
        objective,
        breaker_of(given.breaker),
        stop_of(given.stop),
        given.keep_artifacts,
    )
    member = {name: value for name, value in fields.items() if name != "notes"}
    return Wishes(edit, edit._replace(fields=member), of_group)


def _value(values: dict[str, Any], name: str) -> Any:
    value = values.get(name)
    if name in LISTS:
        return list(value or ())
    return value if value is not None else (False if name in _FLAGS else None)


def _require_together(given: Given, values: dict[str, Any]) -> None:
    """Refuse options that mean nothing without others."""
    if given.shell and not given.command:
        raise InvalidRequest("--shell is about a command", fix="Write the line after `--`, in quotes")
    if given.backoff is not None and not given.retry:
        raise InvalidRequest("--backoff is about retries", fix="Add --retry N")
    name = values.get("name")
    if name is not None and not name.strip():
        raise InvalidRequest("-n is empty", fix="Give a name, or leave the option out")


def _resources(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.gpus is not None:
        found["device.type"] = "gpu" if given.gpus else "cpu"
        found["resources.gpus"] = given.gpus
        if not given.gpus:
            found |= {"resources.vram_mb": None, "resources.devices": None}
    if given.vram is not None:
        found["resources.vram_mb"] = vram_of(given.vram)
    if given.gpu:
        found["resources.devices"] = gpu_names.uuids(given.gpu)
    if given.cpus is not None:
        found["resources.cpus"] = given.cpus
    if given.mem is not None:
        found["resources.mem_mb"] = units.size_mb(given.mem, "--mem")
    return found


def _command(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.folder is not None:
        found |= {"model.folder": folder_of(given.folder), "model.cwd": None}
    if given.command:
        words = checked_command(given.command, is_shell=given.shell, folder=os.getcwd())
        found |= {"model.command": words, "model.shell": True if given.shell else None}
    return found


def _assigned(text: str) -> tuple[str, Any]:
    """Return the name and the value of `KEY=VALUE`."""
    name, mark, value = text.partition("=")
    where = f"--set {text[:60]}"
    if not mark or not is_utf8(text):
        raise InvalidRequest("this is not KEY=VALUE", where=where, fix="For example --set lr=0.01")
    return typed.checked_key(name.strip(), where), typed.scalar(value)


def _environment(given: Given) -> NewEnvironment | None:
    if not (given.env or given.env_keep or given.env_from is not None):
        return None
    return NewEnvironment(tuple(given.env), tuple(given.env_keep), given.env_from)


def code_of(text: str | None) -> str | None:
    """Return which code a new run starts with, checked; None is as the old one."""
    if text not in {None, "then", "now"}:
        raise InvalidRequest(f"--code {text!r:.40} is unknown", fix="Write --code then, or --code now")
    return text


def _moment(at: str | None) -> str | None:
    if at is None:
        return None
    return "" if at == NONE else units.moment(at, "--at")


def _after(texts: list[str]) -> tuple[Any, ...] | None:
    if not texts:
        return None
    return () if texts == [NONE] else tuple(after_of(text) for text in texts)


def _notes(given: Given, removed: dict[str, None]) -> str | None:
    return "" if "notes" in removed else given.notes


#: No option was given.
NOTHING = Wishes(Edit(), Edit(), GroupEdit())
