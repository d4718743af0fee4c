"""What a person has changed in the text of `edit`: checked field by field, with the line of what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from runforge.cli import units
from runforge.cli.edit_text import PARAMETERS, line_of, read
from runforge.cli.submit_order import rule_of, vram_of
from runforge.core.retrying import BACKOFF_SECONDS
from runforge.errors import InvalidRequest
from runforge.queue.edit_wish import Edit
from runforge.text import did_you_mean

#: What each field must be, and that in words.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(
        ("name", "notes", "folder", "vram", "mem", "time", "grace", "backoff", "at"), ((str,), "a text")
    ),
    **dict.fromkeys(("priority", "gpus", "cpus"), ((int,), "a whole number")),
    **dict.fromkeys(("shell", "hold"), ((bool,), "true or false")),
    **dict.fromkeys(("tags", "retry"), ((list,), "a list")),
    "command": ((list, str), "a list of texts"),
    PARAMETERS: ((dict,), "a table"),
}
_MOST_PRIORITY = 1_000_000


def changes(before: str, after: str) -> dict[int, Edit]:
    """Return the edit of each run that was changed in the text, by its number; a run without a table stays."""
    old, new = read(before), read(after)
    found = {}
    for number, table in new.items():
        if number not in old or not isinstance(table, dict):
            fix = f"The runs are {', '.join(list(old)[:8])}"
            raise InvalidRequest(f"line {_line(after, number)}: there is no run {number[:40]!r}", fix=fix)
        changed = _changed(old[number], table, lambda name, at=number: line_of(after, at, name))  # type: ignore[misc]
        if changed:
            found[int(number)] = _edit(changed, old[number], table, after, number)
    return found


def _line(text: str, name: str) -> int:
    """Return the line of a table, or of a field outside of all."""
    start = line_of(text, name)
    return start if start > 1 else line_of(text, "", name)


def _changed(old: dict[str, Any], new: dict[str, Any], line: Callable[[str], int]) -> dict[str, Any]:
    """Return the fields that differ; None is one that was removed. A wrong one is refused."""
    for name, value in new.items():
        kinds, words = _KINDS.get(name, ((), ""))
        if not kinds:
            hint = did_you_mean(name, _KINDS) or f"A parameter belongs below [....{PARAMETERS}]"
            raise InvalidRequest(f"line {line(name)}: there is no field {name[:40]!r}", fix=hint)
        is_kind = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if not is_kind or not _is_plain(value):
            raise InvalidRequest(f"line {line(name)}: {name} must be {words}, not {value!r:.60}")
    return {name: new.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}


def _is_plain(value: Any) -> bool:
    """Return whether a request can hold a value: TOML has times and infinities too."""
    if isinstance(value, dict):
        return all(_is_plain(held) for held in value.values())
    if isinstance(value, list):
        return all(_is_plain(held) for held in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _edit(changed: dict[str, Any], old: dict[str, Any], new: dict[str, Any], text: str, number: str) -> Edit:
    """Return what the changed fields of one run mean."""
    fields: dict[str, Any] = {}
    for name, value in changed.items():
        fields |= _located(lambda: _fields(name, value, new), text, number, name)  # noqa: B023 - called at once
    at = changed.get("at")
    moment = _located(lambda: units.moment(at, "at"), text, number, "at") if at is not None else ""
    return Edit(
        fields=fields,
        parameters=_parameters(old.get(PARAMETERS, {}), new.get(PARAMETERS, {})),
        priority=(changed["priority"] or 0) if "priority" in changed else None,
        held=bool(changed["hold"]) if "hold" in changed else None,
        not_before=moment if "at" in changed else None,
    )


def _located(call: Callable[[], Any], text: str, number: str, name: str) -> Any:
    """Return what a call gives; its InvalidRequest says in which line the field stands."""
    try:
        return call()
    except InvalidRequest as error:
        line = line_of(text, number, name)
        raise InvalidRequest(f"line {line}: {error.message}", fix=error.fix) from None


def _parameters(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {name: new.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}


def _fields(name: str, value: Any, new: dict[str, Any]) -> dict[str, Any]:
    """Return a field of the text as fields of a request."""
    if name in {"retry", "backoff"}:
        return {"retry": _rules(new)}
    if name in {"command", "shell"}:
        return _command(new)
    if name == "folder":
        return {"model.folder": value, **({} if value is None else {"model.cwd": None})}
    if name == "gpus":
        none = {} if value else {"resources.vram_mb": None, "resources.devices": None}
        return {"device.type": "gpu" if value else "cpu", "resources.gpus": value or 0, **none}
    if name == "priority" and abs(value or 0) > _MOST_PRIORITY:
        raise InvalidRequest(
            f"priority {value} is out of range", fix=f"Use -{_MOST_PRIORITY} to {_MOST_PRIORITY}"
        )
    if name in _READ:
        path, reads = _READ[name]
        return {path: None if value is None else reads(value)}
    return {}


#: A field that is one of a request: where it stands there, and how it is read.
_READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", str),
    "tags": ("tags", list),
    "notes": ("notes", str),
    "cpus": ("resources.cpus", int),
    "vram": ("resources.vram_mb", vram_of),
    "mem": ("resources.mem_mb", lambda value: units.size_mb(value, "mem")),
    "time": ("timeout_seconds", lambda value: units.duration(value, "time", least=1e-3)),
    "grace": ("grace_seconds", lambda value: units.duration(value, "grace")),
}


def _rules(new: dict[str, Any]) -> list[Any] | None:
    if not new.get("retry"):
        return None
    text = new.get("backoff")
    pause = BACKOFF_SECONDS if text is None else units.duration(text, "backoff")
    return [rule_of(rule, pause) if isinstance(rule, str) else rule for rule in new["retry"]]


def _command(new: dict[str, Any]) -> dict[str, Any]:
    command, is_shell = new.get("command"), bool(new.get("shell"))
    if not command:
        raise InvalidRequest("a run needs a command", fix="To change nothing, leave everything as it is")
    if isinstance(command, str) and not is_shell:
        raise InvalidRequest(
            "a command of one text is a line for bash", fix="Add shell = true, or write a list"
        )
    return {"model.command": command, "model.shell": is_shell or None}
