"""The commands of `runforge`, in one table. Everything about them is made from it.

These read it: the parser and its help (program.py), the calls without the parser (fast_path.py), the shell's
completion (completion.py) and the reference in docs/usage.md (reference.py). No command, option, default or
help text is written in a second place. To add a command, add it to the table_*.py of its section and write its
function.
"""

from __future__ import annotations

from runforge.cli.parameters import flag
from runforge.cli.table_change import CHANGE, OLDER
from runforge.cli.table_daemon import DAEMON
from runforge.cli.table_edit import EDIT
from runforge.cli.table_look import LOOK
from runforge.cli.table_queue import QUEUE
from runforge.cli.table_results import RESULTS
from runforge.cli.table_start import DIRECT, START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.cli.parameter import Command

ABOUT = "Run experiments in order, and know the true outcome of every run, whatever crashes."
VERSION = flag("--version", "Print the version.")

#: The sections of the help, in its order.
SECTIONS = {
    "Start": START,
    "Queue": QUEUE,
    "Change": (*EDIT, *CHANGE),
    "Look": LOOK,
    "Results": RESULTS,
    "Without the queue": DIRECT,
    "Daemon": DAEMON,
    "Older names": OLDER,
}
COMMANDS = {command.name: command for commands in SECTIONS.values() for command in commands}
_ALIASES = {alias: command for command in COMMANDS.values() for alias in command.aliases}


def find(word: str) -> Command | None:
    """Return the command with this name, or with this alias."""
    return COMMANDS.get(word) or _ALIASES.get(word)
