"""What a user chose on the screens, kept for the next time: the theme, wrapped logs, the bell, the queue's columns.

It is a small file of the user, outside every workspace. A file that is missing or damaged means: nothing chosen.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from runforge.files.durable import read_bounded, write_atomic
from runforge.named import NamedTuple

_LIMIT = 64 * 1024


class Choices(NamedTuple):
    """The choices; the defaults are those of a new user."""

    theme: str = ""
    wrap: bool = False
    bell: bool = False
    #: The order of the queue.
    sort: str = "live"
    is_reversed: bool = False
    #: The columns of the queue that are not shown, with commas between.
    hidden: str = ""

    @property
    def is_usual_order(self) -> bool:
        """Whether the queue is shown in the order of a new user."""
        return self.sort == "live" and not self.is_reversed


def path() -> Path:
    """Return the user's file."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(configured) if os.path.isabs(configured) else Path("~/.config").expanduser()
    return folder / "runforge" / "tui.json"


def read(file: Path) -> Choices:
    """Return what was chosen; what the file does not say, or says wrongly, is as for a new user."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads(read_bounded(file, _LIMIT))
        if isinstance(found, dict):
            standard = Choices()._asdict()
            known = {k: v for k, v in found.items() if type(v) is type(standard.get(k))}
            return Choices(**{**standard, **known})
    return Choices()


def write(file: Path, choices: Choices) -> None:
    """Keep the choices. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(choices._asdict(), indent=2).encode() + b"\n", durable=False)
