"""Help as it was made: `help/NAME.txt` is what the parser prints. Importing the parser takes six times as long."""

from __future__ import annotations

from runforge.cli.width import terminal_width
from runforge.system import os

#: The program's own help has this name.
PROGRAM = "runforge"
#: The help is made for this many columns. The parser uses no more, and less only on a narrower terminal.
COLUMNS = 80
FOLDER = os.path.join(os.path.dirname(__file__), "help")


def text(words: list[str]) -> str | None:
    """Return the help that a call ends by asking for; None if only the parser can write it."""
    name = words[0] if len(words) == 2 else PROGRAM
    if len(words) > 2 or not name.replace("-", "").isalnum() or terminal_width() < COLUMNS:
        return None
    try:
        with open(os.path.join(FOLDER, f"{name}.txt"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None
