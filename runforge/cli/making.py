"""Writes what is made from the tables of commands at build time: made_table.py, and the help of each command as text.

`python -m runforge.cli.making` (`make reference`) writes them anew. A test compares them with the tables and with what
the parser prints.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from runforge.cli import commands, made_help
from runforge.cli.parameter import Command, Parameter

TABLE = Path(__file__).with_name("made_table.py")
_HEAD = '''\
"""Made by `make reference` from the tables of commands. Do not edit by hand.

name -> its name, its function, whether it only reads, whether it ends at once, its parameters; each with its name, words,
kind, default, whether it is required, least, most, what completes it, and its value if it is given without one.
"""

# fmt: off
# ruff: noqa: Q000
'''


def table() -> str:
    """Return the text of made_table.py."""
    head = "COMMANDS: dict[str, tuple[str, str, bool, bool, tuple[tuple, ...]]] = {  # type: ignore[type-arg]"
    rows = [f"    {command.name!r}: {_command(command)!r}," for command in commands.COMMANDS.values()]
    aliases = {alias: command.name for command in commands.COMMANDS.values() for alias in command.aliases}
    return "\n".join([_HEAD, head, *rows, "}", f"ALIASES = {aliases!r}", ""])


def _command(command: Command) -> tuple[object, ...]:
    parameters = tuple(map(_parameter, command.parameters))
    return command.name, command.runs, command.reads_only, command.ends_at_once, parameters


def _parameter(told: Parameter) -> tuple[object, ...]:
    needed = (told.name, told.words, told.kind, told.default, told.is_required)
    return *needed, told.low, told.high, told.completes, told.bare


def help_text(name: str) -> str:
    """Return what the parser prints as the help of a command, or of the program."""
    from runforge.cli.program import program

    words = ["--help"] if name == made_help.PROGRAM else [name, "--help"]
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(made_help.COLUMNS)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            program().main(args=words, prog_name=made_help.PROGRAM, standalone_mode=False)
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return said.getvalue()


def main() -> None:
    """Write the files."""
    TABLE.write_text(table(), "utf-8")
    names = [made_help.PROGRAM, *commands.COMMANDS]
    folder = Path(made_help.FOLDER)
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / f"{name}.txt").write_text(help_text(name), "utf-8")


if __name__ == "__main__":
    main()
