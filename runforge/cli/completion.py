"""Completion in the shell: what can be named, values of options, and for bash whole lines without the parser.

Typer completes the rest. Importing it takes longer than people want to wait after a tab.
"""

from __future__ import annotations

from runforge import bytecode
from runforge.cli import quick
from runforge.cli import words as reading
from runforge.cli.known import find, names
from runforge.system import os

TYPE_CHECKING = False  # every import here makes the user wait after a tab
if TYPE_CHECKING:
    from pathlib import Path

    from runforge.cli.parameter import Parameter
    from runforge.cli.words import Reading

_HELP = ("-h", "--help")
#: What the values of an option can be. Written here once more: importing them takes longer than a tab may take.
VALUES = {
    "state": ("queued", "running", "succeeded", "failed", "canceled"),
    "orphans": ("requeue", "fail", "cancel"),
    "code": ("then", "now"),
    "notify": ("done", "fail", "start", "never"),
    "on_lost": ("requeue", "resume", "hold", "fail"),
    "retry": ("exit", "signal", "oom", "gpu_oom", "timeout", "lost"),
}


def choices(what: str, incomplete: str, workspace: str | Path | None = None) -> list[str]:
    """Return what begins with the typed text: the values of an option, or what can be named, `@last` first."""
    if what in VALUES:
        head, mark, _ = incomplete.rpartition(":" if "," not in incomplete else ",")
        return [
            f"{head}{mark}{value}" for value in VALUES[what] if f"{head}{mark}{value}".startswith(incomplete)
        ]
    newest = ["@last"] if "@last".startswith(incomplete) else []
    return newest + _nameable(what, incomplete, workspace)


def _nameable(what: str, begin: str, workspace: str | Path | None) -> list[str]:
    """Return what can be named: read the quick way, or as any command finds it; nothing if that fails."""
    bytecode.load("complete-names")
    from runforge.place import Place
    from runforge.store.look import look
    from runforge.views import nameable

    try:
        root = quick.root(str(workspace) if workspace else None)
        found = None if root is None else look(Place(root), lambda tx: nameable.read(tx, what, begin))
        if found is not None:
            bytecode.settle()
            return found
        return _nameable_at_length(what, begin, workspace)
    except Exception:  # noqa: BLE001 - completion must never disturb the shell
        return []


def _nameable_at_length(what: str, begin: str, workspace: str | Path | None) -> list[str]:
    from pathlib import Path

    from runforge import workspace as workspaces
    from runforge.views import lists

    return lists.nameable(workspaces.find(Path(workspace) if workspace else None), what, begin)


def for_bash() -> list[str] | None:
    """Return the completions for bash's COMP_WORDS and COMP_CWORD; None leaves it to the parser."""
    line, number = os.environ.get("COMP_WORDS", ""), os.environ.get("COMP_CWORD", "")
    words = line.split()
    if not number.isdigit() or any(mark in line for mark in "\"'\\="):
        return None
    place = int(number)
    word = words[place] if place < len(words) else ""
    if place == 1 and not word.startswith("-"):
        return [name for name in names() if name.startswith(word)]
    command = find(words[1]) if 1 < place <= len(words) else None
    read = reading.read(command, words[2:place]) if command else None
    return _complete(read, word) if read else None


def _complete(read: Reading, word: str) -> list[str] | None:
    """Return what may be typed next; None for a file name, which the parser leaves to the shell."""
    if read.is_in_rest:
        return []  # the words of another program: the shell offers files
    if word.startswith("-"):
        return _options(read, word)
    parameter = read.awaiting or read.argument
    if parameter is None:
        return []
    if parameter.completes is None:
        return None if parameter.kind in {"file", "folder"} else []
    workspace = read.values.get("workspace")
    return choices(parameter.completes, word, str(workspace) if workspace else None)


def _options(read: Reading, word: str) -> list[str]:
    """Return the options that can still be given."""

    def is_open(parameter: Parameter) -> bool:
        return parameter.kind == "texts" or parameter.name not in read.values

    names = [name for option in read.command.options if is_open(option) for name in option.words]
    return [name for name in (*names, *_HELP) if name.startswith(word)]
