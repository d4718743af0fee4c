"""Finds a command without the tables of commands: making them anew takes half as long as the interpreter's start.

`made_table.py` has of each command what a plain call and the shell's completion need; `make reference` makes it from
the tables. A command from here has no help and no examples: those are in `help/` (made too), and in the tables.
"""

from __future__ import annotations

from runforge.cli.made_table import ALIASES, COMMANDS
from runforge.cli.parameter import Command, Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENDS_AT_ONCE = 3


def names() -> list[str]:
    """Return the names of all commands, in the order of the help."""
    return list(COMMANDS)


def _made(word: str) -> Any:
    return COMMANDS.get(word) or COMMANDS.get(ALIASES.get(word, ""))


def ends_at_once(word: str) -> bool:
    """Return whether the process of the command with this name or alias can end at once after a call."""
    made = _made(word)
    return made is not None and bool(made[_ENDS_AT_ONCE])


def find(word: str) -> Command | None:
    """Return the command with this name, or with this alias."""
    made = _made(word)
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
