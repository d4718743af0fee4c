"""Queued runs as a TOML text that a person edits."""

from __future__ import annotations

import importlib
import json
import re
import sys
from typing import Any

from runforge.core.records import Job
from runforge.core.retrying import Rule
from runforge.core.states import State
from runforge.documents.request import Request
from runforge.documents.request_options import LEARNED, is_learned
from runforge.errors import InvalidRequest
from runforge.text import safe

#: In the standard library since Python 3.11; `tomli` is the same for 3.10.
_TOML: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_HEAD = """\
# Change what you like, save, and close the editor. A line that you remove is taken away from its run.
# To change nothing, leave everything as it is, or empty the file.
"""
#: Every line that a run may have, with an example where it has none.
_LINES = {
    "name": '"lm"',
    "tags": '["baseline"]',
    "notes": '"why"',
    "command": "",
    "shell": "",
    "folder": "",
    "priority": "0",
    "gpus": "1",
    "vram": '"10G"',
    "cpus": "4",
    "mem": '"10G"',
    "time": '"2h"',
    "grace": '"30s"',
    "retry": '["3:exit,oom"]',
    "backoff": "",
    "hold": "true",
    "at": '"+2h"',
}
_DESCRIBING = ("name", "tags", "notes")
#: The table with the parameters of a run.
PARAMETERS = "parameters"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def shown(runs: list[tuple[Job, Request]]) -> str:
    """Return the text of these runs: one that is not queued has only what may be changed in any state."""
    return "\n".join([_HEAD, *(_table(job, request) for job, request in runs)])


def _table(job: Job, request: Request) -> str:
    values = _values(job, request)
    lines = [f"[{job.seq}]  # {job.run_id}, {job.state}"]
    names = _LINES if job.state is State.QUEUED else _DESCRIBING
    for name in names:
        if values.get(name) is not None:
            lines.append(f"{name} = {written(values[name])}")
        elif _LINES[name]:
            lines.append(f"# {name} = {_LINES[name]}")
    if job.state is State.QUEUED:
        lines += ["", f"[{job.seq}.{PARAMETERS}]"]
        given = {name: value for name, value in request.hyperparameters.items() if value is not None}
        lines += [f"{_key(name)} = {written(value)}" for name, value in given.items()]
    return "\n".join([*lines, ""])


def _values(job: Job, request: Request) -> dict[str, Any]:
    """Return the fields of a run as they are written."""
    is_command = request.family == "command"
    retry, backoff = _rules(request.retry)
    return {
        "name": job.name or request.name,
        "tags": json.loads(job.tags) or None,
        "notes": job.notes,
        "command": (request.command[0] if request.is_shell else list(request.command))
        if is_command
        else None,
        "shell": True if request.is_shell else None,
        "folder": request.folder,
        "priority": job.priority or None,
        "gpus": request.needs.gpus or None,
        "vram": LEARNED if is_learned(request.raw.get("resources")) else _size(request.needs.vram_mb),
        "cpus": request.needs.cpus if request.needs.cpus > 1 else None,
        "mem": _size(request.needs.mem_mb),
        "time": _duration(request.timeout_seconds),
        "grace": _duration(request.grace_seconds),
        "retry": retry,
        "backoff": backoff,
        "hold": True if job.held else None,
        "at": job.not_before,
    }


def _rules(rules: tuple[Rule, ...]) -> tuple[list[Any] | None, str | None]:
    """Return retry rules as on a command line, with the back-off that they share."""
    if not rules:
        return None, None
    backoffs = {rule.backoff_seconds for rule in rules}
    if len(backoffs) > 1:
        return [rule.to_json() for rule in rules], None
    return [_rule(rule) for rule in rules], _duration(backoffs.pop())


def _rule(rule: Rule) -> str:
    change = f":{rule.change}" if rule.change else ""
    return f"{rule.times}:{','.join(rule.causes)}{change}"


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds) if seconds == int(seconds) else seconds}s"


def _size(megabytes: int) -> str | None:
    if not megabytes:
        return None
    return f"{megabytes // 1024}G" if megabytes % 1024 == 0 else f"{megabytes}M"


# --- TOML ------------------------------------------------------------------------------------------


def written(value: Any) -> str:
    """Return a value in TOML, on one line."""
    if isinstance(value, dict):
        inside = ", ".join(
            f"{_key(name)} = {written(held)}" for name, held in value.items() if held is not None
        )
        return f"{{{inside}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(written(held) for held in value if held is not None)}]"
    # A text of JSON is one of TOML, but for this character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else written(name)


def read(text: str) -> dict[str, Any]:
    """Return what a TOML text says; InvalidRequest with the line where it is wrong."""
    try:
        found: dict[str, Any] = _TOML.loads(text)
    except (_TOML.TOMLDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the text is not TOML: {safe(str(error), 200)}") from None
    return found


def line_of(text: str, number: str, name: str | None = None) -> int:
    """Return the line in which a run's table, or a field of it, begins."""
    lines = text.splitlines()
    head = re.compile(rf"\s*\[+\s*{re.escape(number)}\b")
    start = next((at for at, line in enumerate(lines, 1) if head.match(line)), 1)
    if name is None:
        return start
    field = re.compile(rf"\s*(?:\[\s*{re.escape(number)}\s*\.\s*)?\"?{re.escape(name)}\"?\s*[=\].]")
    return next((at for at in range(start, len(lines) + 1) if field.match(lines[at - 1])), start)
