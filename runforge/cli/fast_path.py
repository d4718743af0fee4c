"""Runs plain calls without the option parser: importing it takes longer than most of the calls.

Other calls (words.py says which) are left to the parser.
"""

from __future__ import annotations

from runforge import bytecode, later
from runforge.cli import quick, words
from runforge.cli.known import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from runforge.cli.parameter import Command
    from runforge.paths import Path


def run(arguments: Sequence[str]) -> int | None:
    """Run a plain call and return its exit code; None leaves it to the parser."""
    command = find(arguments[0]) if arguments else None
    reading = words.read(command, arguments[1:]) if command else None
    values: dict[str, Any] | None = reading.whole() if reading else None
    if command is None or values is None:
        return None
    for parameter in command.parameters:
        if parameter.kind in {"file", "folder"} and values[parameter.name] is not None:
            values[parameter.name] = _path(values[parameter.name])
    runs = function(command)
    if command.ends_at_once and command.name not in quick.ANSWERED:  # their quick way does not need all this
        bytecode.settle()
    return runs(**values)


def function(command: Command) -> Callable[..., int]:
    """Import a command's module and return the function that runs it. What it creates is its owner's alone."""
    from runforge.files.permissions import become_private

    become_private()
    module, _, name = command.runs.partition(":")
    found: Callable[..., int] = getattr(later.module(f"runforge.cli.{module}"), name)
    return found


def _path(text: str) -> Path:
    from runforge.paths import Path

    return Path(text)
