"""What a run does: the command with its values, where it starts, what it needs, and when it is stopped.

The truth is the run's request.json. A request that cannot be read leaves its facts out and says so.
"""

from __future__ import annotations

from runforge.documents import strict_json
from runforge.errors import InvalidRequest, RunForgeError
from runforge.files.reading import read_bounded
from runforge.light_json import loads
from runforge.named import NamedTuple
from runforge.system import os
from runforge.views.quoting import command_line, shell_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_LIMIT = 1024 * 1024


class Facts(NamedTuple):
    """What a request says, for people to see."""

    #: The arguments with all values filled in; None for a model that RunForge trains itself.
    command: tuple[str, ...] | None = None
    #: The same as text for a shell; a line for bash may have several.
    command_lines: tuple[str, ...] = ()
    #: The command as the request has it, before any value is filled in.
    template: tuple[str, ...] = ()
    cwd: str | None = None
    family: str | None = None
    #: Their names with dots, with the values that the sweep or `submit` gave.
    parameters: dict[str, Any] | None = None
    #: `id`, `from` and `secrets`; None for the daemon's own environment.
    environment: dict[str, Any] | None = None
    timeout_seconds: float | None = None
    grace_seconds: float | None = None
    resources: dict[str, Any] | None = None
    #: Why nothing is known.
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        found = self._asdict()
        del found["command_lines"], found["template"]
        return {**found, "command_line": "\n".join(self.command_lines) or None}


def read(path: Path | str, workspace: Path | str, sha: str | None = None) -> Facts:
    """Return what a run's request file says. What has the digest `sha` of the journal was checked when it was queued."""
    where = os.path.basename(path)
    try:
        data = read_bounded(path, _LIMIT)
        document = strict_json.parse(data, what="request", limit=_LIMIT, error=InvalidRequest, where=where)
    except (OSError, RunForgeError) as error:
        return Facts(problem=f"request.json: {getattr(error, 'strerror', None) or error}")
    return of_request(document, workspace, is_checked=sha is not None and _digest(data) == sha)


def _digest(data: bytes) -> str:
    from runforge.digest import sha256_of  # not all requests have one

    return sha256_of(data)


def of_request(document: dict[str, Any], workspace: Path | str, *, is_checked: bool = False) -> Facts:
    """Return what a request says; a field of a wrong kind counts as missing."""
    model = _mapping(document.get("model"))
    family = model.get("family")
    facts = Facts(
        family=family if isinstance(family, str) else None,
        parameters=dict(_flat(_mapping(model.get("hyperparameters")))),
        environment=_mapping(document.get("environment")) or None,
        timeout_seconds=_number(document.get("timeout_seconds")),
        grace_seconds=_number(document.get("grace_seconds")),
        resources=_mapping(document.get("resources")) or None,
    )
    if family != "command":
        return facts
    problem = None if is_checked else _problem(document)
    return facts._replace(problem=problem) if problem else _with_command(facts, model, workspace)


def _problem(document: dict[str, Any]) -> str | None:
    """Return what is wrong with a request. What checks it takes longer to import than a short command runs."""
    from runforge.documents.request import parse_request

    try:
        parse_request(document, where="request.json")
    except RunForgeError as error:
        return str(error)
    return None


def _with_command(facts: Facts, model: dict[str, Any], workspace: Path | str) -> Facts:
    """Return the facts with the command of a checked request."""
    from runforge.documents import placeholders

    is_shell = bool(model.get("shell"))
    template = (model["command"],) if is_shell else tuple(model["command"])
    command = placeholders.filled_with(template, model.get("hyperparameters") or {}, is_shell=is_shell)
    lines = shell_lines(command[-1]) if is_shell else [command_line(command)]
    cwd = model.get("folder") or os.path.normpath(os.path.join(workspace, model.get("cwd") or ""))
    return facts._replace(command=command, command_lines=tuple(lines), template=template, cwd=cwd)


def _flat(values: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        path = f"{at}.{name}" if at else name
        found += _flat(value, path) if isinstance(value, dict) and value else [(path, value)]
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def rules_text(rules: str, used: str) -> list[str]:
    """Return each retry rule of the journal as a sentence."""
    found = []
    uses = loads(used)
    for index, rule in enumerate(loads(rules)):
        count = uses[index] if index < len(uses) else 0
        causes = ", ".join(rule.get("causes") or ["exit", "signal", "oom", "gpu_oom"])
        times = "1 time" if rule.get("times") == 1 else f"{rule.get('times')} times"
        change = f", with {rule['change']} each time" if rule.get("change") else ""
        found.append(f"up to {times} after {causes}{change}; {count} used")
    return found
