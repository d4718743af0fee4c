"""Calls that are made all day, run without the option parser: importing it takes longer than they do.

What is not plain (an option that is not named here, a value that is missing, help) is left to the parser, which
has the last word on what is wrong.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from runforge import workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

#: command -> its options that take a text, by the name of what they give; RUN is its first word.
_VALUES: dict[str, dict[str, str]] = {
    "queue-status": {},
    "groups": {},
    "jobs": {"--group": "group", "-g": "group", "--state": "state"},
    "show": {"RUN": "name"},
    "tui": {},
    "enqueue-sweep": {"--plan": "plan", "-p": "plan"},
    "enqueue-run": {"--run-id": "run_id", "--group-id": "group_id", "-g": "group_id"},
}
#: What a command cannot do without.
_NEEDED = {"show": "name", "enqueue-sweep": "plan", "enqueue-run": "run_id"}
_WITH_JSON = {"queue-status", "groups", "jobs", "show"}


def run(arguments: Sequence[str]) -> int | None:
    """Run a plain call and return its exit code; None leaves it to the parser."""
    command, *rest = arguments or [""]
    if command not in _VALUES:
        return None
    read = _read(command, rest)
    if read is None or _NEEDED.get(command, "workspace") not in {*read, "workspace"}:
        return None
    if command != "tui":
        gc.disable()  # a short life makes no garbage worth looking for
    return _call(command, read)


def _read(command: str, words: list[str]) -> dict[str, str] | None:
    """Return what the words give by name, None if they are not plain."""
    names = {"--workspace": "workspace", "-w": "workspace", **_VALUES[command]}
    read: dict[str, str] = {}
    while words:
        word, *words = words
        if word == "--json" and command in _WITH_JSON:
            read["json"] = word
        elif word in names and word != "RUN":
            if not words or words[0].startswith("-"):
                return None
            read[names[word]], *words = words
        elif "RUN" in names and not word.startswith("-") and "name" not in read:
            read["name"] = word
        else:
            return None
    return read


def _call(command: str, read: dict[str, str]) -> int:
    folder = Path(read["workspace"]) if "workspace" in read else None
    if command.startswith("enqueue-"):
        from runforge.cli import enqueueing
        from runforge.core.submission import Submission

        if command == "enqueue-sweep":
            return enqueueing.sweep(folder, Path(read["plan"]))
        return enqueueing.run(folder, read["run_id"], Submission(group=read.get("group_id")))
    here = workspace.find(folder)
    if command == "tui":
        from runforge.cli.screens import open_screens

        return open_screens(here)
    return _show(command, here, read, as_json="json" in read)


def _show(command: str, here: workspace.Workspace, read: dict[str, str], *, as_json: bool) -> int:
    if command == "queue-status":
        from runforge.cli import status

        status.show(here, as_json=as_json)
        return 0
    from runforge.cli import listing

    if command == "groups":
        return listing.groups(here, as_json=as_json)
    if command == "show":
        return listing.run(here, read["name"], as_json=as_json)
    return listing.jobs(here, group=read.get("group"), state=read.get("state"), as_json=as_json)
