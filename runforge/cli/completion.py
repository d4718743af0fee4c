"""What the shell may complete: ids of groups and runs, and, without the parser, what is typed most.

Typer answers the rest; importing it takes longer than people want to wait after a tab.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # what is imported here is waited for after every tab
if TYPE_CHECKING:
    from pathlib import Path

#: command -> what its first word is
_FIRST_WORD = {
    "show": "run",
    "logs": "run",
    "cancel-run": "run",
    "retry-run": "run",
    "set-priority": "either",
    "wait": "either",
}


def ids(what: str, incomplete: str, workspace: str | Path | None = None) -> list[str]:
    """Return the ids of a kind (group, run, either) that begin with what was typed, `@last` first."""
    from pathlib import Path

    from runforge import workspace as workspaces
    from runforge.views import lists

    try:
        groups, runs = lists.known_ids(workspaces.find(Path(workspace) if workspace else None))
    except Exception:  # noqa: BLE001 - completion must never disturb the shell
        groups, runs = [], []
    known = {"group": groups, "run": runs, "either": [*groups, *runs]}[what]
    return [name for name in ["@last", *known] if name.startswith(incomplete)]


def for_bash(commands: list[str]) -> list[str] | None:
    """Return what bash asks for by COMP_WORDS and COMP_CWORD; None leaves it to the parser."""
    line, number = os.environ.get("COMP_WORDS", ""), os.environ.get("COMP_CWORD", "")
    words = line.split()
    if not number.isdigit() or any(mark in line for mark in "\"'\\"):
        return None
    place = int(number)
    word = words[place] if place < len(words) else ""
    if word.startswith("-"):
        return None
    if place == 1:
        return [command for command in commands if command.startswith(word)]
    if place == 2 and words[1] in _FIRST_WORD:
        return ids(_FIRST_WORD[words[1]], word)
    return None
