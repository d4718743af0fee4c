"""Writes the reference of commands and options in docs/usage.md from the table of commands.

`python -m runforge.cli.reference docs/usage.md` (`make reference`) replaces the text between the two marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runforge.cli.commands import COMMANDS, SECTIONS
from runforge.cli.parameter import Command, Parameter

BEGIN = "<!-- Made by `make reference` from runforge/cli/commands.py. Do not edit by hand. -->"
END = "<!-- End of what `make reference` makes. -->"


def reference() -> str:
    """Return the reference: the commands, their parameters, examples."""
    only_reading = [f"`{command.name}`" for command in COMMANDS.values() if command.reads_only]
    parts = [
        _commands(),
        f"These change nothing in the workspace: {', '.join(only_reading)}.",
        "### Options",
        _parameters(),
        "### Examples",
        "\n".join(f"    {line}" for command in COMMANDS.values() for line in command.examples),
    ]
    return "\n\n".join(parts) + "\n"


def inserted(page: str) -> str:
    """Return the page with the current reference between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError("the page has no marks for the reference")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _table(headers: list[str], rows: list[list[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(
        f"| {' | '.join(line)} |".replace("|  |", "| |").replace("| --- ", "|---") for line in lines
    )


def _commands() -> str:
    rows = []
    for section, commands in SECTIONS.items():
        rows.append([f"**{section}**", ""])
        rows += [[f"`{_usage(command)}`", command.help] for command in commands]
    return _table(["command", "does"], rows)


def _usage(command: Command) -> str:
    """Return a command with its arguments; optional ones are in brackets."""
    shown = [a.placeholder if a.is_required else f"[{a.placeholder}]" for a in command.arguments]
    return " ".join([command.name, *shown])


def _parameters() -> str:
    """Return a table of all parameters; a shared one appears once."""
    users: dict[Parameter, list[str]] = {}
    for command in COMMANDS.values():
        for parameter in command.parameters:
            users.setdefault(parameter, []).append(command.name)
    rows = [[_written(p), _of(names), " ".join([p.help, *_limits(p)])] for p, names in users.items()]
    return _table(["option or argument", "of", "means"], rows)


def _written(parameter: Parameter) -> str:
    """Return how a parameter is written: its words, with the value after the last one."""
    return ", ".join(f"`{word}`" for word in parameter.written)


def _of(names: list[str]) -> str:
    """Return the commands that have a parameter; if most have it, those without it."""
    others = [name for name in COMMANDS if name not in names]
    shown = ", ".join(f"`{name}`" for name in (names if len(names) <= len(others) else others))
    return shown if len(names) <= len(others) else f"all but {shown}"


def _limits(parameter: Parameter) -> list[str]:
    """Return the default and the limits of a parameter, as short sentences."""
    found = []
    if parameter.words and parameter.is_required:
        found.append("Required.")
    if parameter.default is not None and parameter.kind != "flag":
        found.append(f"Default: `{_number(parameter.default)}`.")
    low, high = parameter.low, parameter.high
    if low is not None and high is not None:
        found.append(f"From {_number(low)} to {_number(high)}.")
    elif low is not None:
        found.append(f"At least {_number(low)}.")
    elif high is not None:
        found.append(f"At most {_number(high)}.")
    return found


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Write the reference into the given page."""
    page = Path(sys.argv[1])
    page.write_text(inserted(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
