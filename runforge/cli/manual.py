"""Writes the man page from the table of commands.

`python -m runforge.cli.manual docs/man/runforge.1` (`make reference`) writes it; a wheel installs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runforge.cli.commands import ABOUT, SECTIONS
from runforge.cli.parameter import Command, Parameter

_TARGETS = (
    "Most commands take several TARGETs. A TARGET is the number of a run (12) or several (3-9,12), the id of a run or "
    "a group or its unique beginning, the name of a group, or @last: what was queued last. @last~1 is what was queued "
    "before that."
)
_FILTER = (
    "--where takes what the terminal UI takes as a filter: words that must be found, !word, state:, group:, name:, "
    "tag:, cause: and number: with values, and comparisons of parameters or of the primary metric (lr=0.1, lr>0.001)."
)
_CODES = (
    ("0", "done"),
    ("1", "a run failed, or the command could not do what was asked"),
    ("2", "the request, an id or an option is invalid"),
    ("3", "a file, a folder or the workspace is missing"),
    ("4", "RunForge's own fault, or a journal that cannot be trusted"),
    ("5", "canceled"),
    ("6", "the sweep plan is invalid"),
)


def manual() -> str:
    """Return the man page as roff."""
    lines = [
        '.\\" Made by `make reference` from the table of commands. Do not edit by hand.',
        '.TH RUNFORGE 1 "" "RunForge" "User commands"',
        ".SH NAME",
        "runforge \\- runs experiments in order, and knows the true outcome of every run",
        ".SH SYNOPSIS",
        ".B runforge",
        _roff("COMMAND [OPTIONS] [ARGUMENTS]"),
        ".SH DESCRIPTION",
        _roff(ABOUT),
        ".PP",
        _roff("Without a command, on a terminal and in a workspace, the terminal UI opens."),
        ".SH TARGETS",
        _roff(_TARGETS),
        ".PP",
        _roff(_FILTER),
    ]
    for section, commands in SECTIONS.items():
        lines.append(f".SH COMMANDS: {_roff(section.upper())}")
        for command in commands:
            lines += _command(command)
    lines.append(".SH EXIT STATUS")
    for code, meaning in _CODES:
        lines += [".TP", f".B {code}", _roff(meaning)]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> list[str]:
    arguments = [a.placeholder if a.is_required else f"[{a.placeholder}]" for a in command.arguments]
    lines = [f".SS {_roff(' '.join([command.name, *arguments]))}", _roff(command.help)]
    for parameter in command.parameters:
        lines += [".TP", f".B {_roff(_written(parameter))}", _roff(parameter.help)]
    if command.examples:
        lines += [".PP", "Examples:", ".PP", ".nf", ".RS", *map(_roff, command.examples), ".RE", ".fi"]
    return lines


def _written(parameter: Parameter) -> str:
    """Return a parameter as it is typed."""
    return ", ".join(parameter.written)


def _roff(text: str) -> str:
    """Return a text as roff; a line that begins with a mark would be a command of it."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> None:
    """Write the page to the given file."""
    Path(sys.argv[1]).write_text(manual(), "utf-8")


if __name__ == "__main__":
    main()
