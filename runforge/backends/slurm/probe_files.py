"""The files by which a login node and a node try out what the shared folder does. Standard library only.

Each side writes one file that the other side has made before: its content is seen at once where the file system keeps
close-to-open, while a new name may be seen late.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

#: The node writes here; the login node has made it.
SAID = "said"
#: A name that the node makes, and one that it waits for. Both are looked for before they are there.
FROM_NODE, FROM_LOGIN = "new-on-the-node", "new-on-the-login-node"
#: The login node holds it locked.
LOCK = "lock"
#: Names that both sides try to make by link(), at the same time, and as many that one side has made before.
NAMES = 200
_SIZE = 4096


def prepare(folder: Path) -> None:
    """Make the file that the node writes."""
    _write(folder, b"", os.O_CREAT | os.O_EXCL)


def say(folder: Path, **facts: Any) -> None:
    """Write what is known, over what was there."""
    _write(folder, json.dumps(facts).encode("ascii"), 0)


def heard(folder: Path) -> dict[str, Any]:
    """Return what the node has written; nothing while that is half there."""
    try:
        with open(folder / SAID, "rb") as file:
            found = json.loads(file.read(_SIZE))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def take(folder: Path, kind: str, number: int, mine: Path) -> bool:
    """Try to make a name by link(); True if this side has made it, whatever the call said."""
    try:
        os.link(mine, folder / f"{kind}-{number}")
    except FileExistsError:
        # An answer that was lost and asked for again says so too.
        return os.stat(mine).st_ino == os.stat(folder / f"{kind}-{number}").st_ino
    return True


def _write(folder: Path, data: bytes, flags: int) -> None:
    descriptor = os.open(folder / SAID, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        os.pwrite(descriptor, data.ljust(_SIZE), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
