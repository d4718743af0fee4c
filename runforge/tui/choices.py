"""What a user chose on the screens, kept for the next time: the theme, wrapped logs, the bell, the queue's columns.

It is a small file of the user, outside every workspace. A file that is missing or damaged means: nothing chosen.
"""

from __future__ import annotations

import os

from runforge.files.reading import read_bounded
from runforge.light_json import loads
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

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


def path() -> str:
    """Return the user's file."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    folder = configured if os.path.isabs(configured) else os.path.expanduser("~/.config")
    return os.path.join(folder, "runforge", "tui.json")


def read(file: str | Path) -> Choices:
    """Return what was chosen; what the file does not say, or says wrongly, is as for a new user."""
    try:
        found = loads(read_bounded(file, _LIMIT).decode())
    except (OSError, ValueError, RecursionError):
        return Choices()
    if not isinstance(found, dict):
        return Choices()
    standard = Choices()._asdict()
    known = {k: v for k, v in found.items() if type(v) is type(standard.get(k))}
    return Choices(**{**standard, **known})


def write(name: str | Path, choices: Choices) -> None:
    """Keep the choices. Raises OSError."""
    import json
    from pathlib import Path

    from runforge.files.durable import write_atomic

    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(choices._asdict(), indent=2).encode() + b"\n", durable=False)
