"""Finds a command without the tables of commands: making them anew takes half as long as the interpreter's start.

`made_table.py` has of each command what a plain call and the shell's completion need; `make reference` makes it from
the tables. A command from here has no help and no examples: those are in `help/` (made too), and in the tables.
"""

from __future__ import annotations

from runforge.cli.made_table import ALIASES, COMMANDS
from runforge.cli.parameter import Command, Parameter


def names() -> list[str]:
    """Return the names of all commands, in the order of the help."""
    return list(COMMANDS)


def find(word: str) -> Command | None:
    """Return the command with this name, or with this alias."""
    made = COMMANDS.get(word) or COMMANDS.get(ALIASES.get(word, ""))
    if made is None:
        return None
    name, runs, reads_only, ends_at_once, parameters = made
    return Command(
        name,
        runs,
        "",
        [_parameter(*told) for told in parameters],
        reads_only=reads_only,
        ends_at_once=ends_at_once,
    )


def _parameter(
    name: str,
    words: tuple[str, ...],
    kind: str,
    default: str | float | bool | None,
    is_required: bool,
    low: float | None,
    high: float | None,
    completes: str | None,
    bare: str | None,
) -> Parameter:
    return Parameter(
        name,
        words,
        kind,
        "",
        default=default,
        is_required=is_required,
        low=low,
        high=high,
        completes=completes,
        bare=bare,
    )
