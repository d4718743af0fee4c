"""`config`: the settings in force, and where each comes from. Addresses are not shown in full."""

from __future__ import annotations

from runforge import config as settings
from runforge.cli.options import find
from runforge.config import Config, Stall
from runforge.errors import InvalidRequest
from runforge.later import module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli import output
    from runforge.paths import Path
    from runforge.workspace import Workspace
else:
    output = module("runforge.cli.output")


def config(workspace: Path | None, as_json: bool) -> int:
    """Print the settings in force."""
    here = find(workspace)
    found = load(here)
    if as_json:
        rows = [
            {
                "name": name,
                "value": _plain(name, value.value),
                "source": None if value.path is None else str(value.path),
                "line": value.line,
            }
            for name, value in found.values.items()
        ]
        output.print_json("config", {"settings": rows, "warnings": list(found.warnings)})
        return 0
    shown = [(name, _words(_plain(name, value.value)), value.source) for name, value in found.values.items()]
    output.table(["setting", "value", "from"], shown, flexible=[1, 2])
    for warning in found.warnings:
        output.note(f"Warning: {warning}")
    if all(value.path is None for value in found.values.values()):
        places = " or ".join(str(path) for path in reversed(settings.paths(here)))
        output.note(f"No file sets anything; write {places}")
    return 0


def load(here: Workspace) -> Config:
    """Return the settings in force, with the retry rules read too."""
    from runforge.cli.submit_order import rule_of

    found = settings.load(here)
    try:
        _ = [rule_of(text, 0.0) for text in found["submit.retry"] or ()]
    except InvalidRequest as error:
        where = found.values["submit.retry"].source
        raise InvalidRequest(f"[submit] retry: {error.message}", where=where, fix=error.fix) from None
    return found


def _plain(name: str, value: Any) -> Any:
    """Return a value as it would be written; of addresses what may be shown."""
    if name == "notify.to":
        from runforge.notices.targets import targets_of

        return [target.label for target in targets_of(value)]
    if isinstance(value, Stall):
        return f"{value.seconds:g}s{':kill' if value.kills else ''}"
    if name in {"guard.stall", "guard.breaker"} and not value:
        return "off"
    return value


def _words(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
