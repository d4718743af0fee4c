"""The probe's part on a node: says what it finds there, and plays the other side of the shared folder.

    runforge.backends.slurm.probe_node FOLDER

Standard library only, like all that runs on nodes before a run.
"""

from __future__ import annotations

import fcntl
import os
import platform
import sys
import time
from pathlib import Path

from runforge import __version__
from runforge.backends.slurm import probe_files as files

_WAIT_SECONDS = 50.0
_POLL = 0.05


def main() -> None:
    """Say what is here, wait for the other side, and race it for names."""
    folder = Path(sys.argv[1])
    mine = folder / "node"
    mine.write_bytes(b"")
    facts = {
        "host": os.environ.get("SLURMD_NODENAME") or platform.node(),
        "python": platform.python_version(),
        "runforge": __version__,
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "shares_locks": _is_locked(folder / files.LOCK),
        "stolen": sum(files.take(folder, "taken", number, mine) for number in range(files.NAMES)),
    }
    os.path.exists(folder / files.FROM_LOGIN)  # it is known not to be there
    (folder / files.FROM_NODE).write_bytes(b"")
    files.say(folder, **facts, clock=time.time())
    deadline = time.monotonic() + _WAIT_SECONDS
    while not os.path.exists(folder / files.FROM_LOGIN):
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL)
    files.say(folder, **facts, sees_order=True)
    won = [number for number in range(files.NAMES) if files.take(folder, "race", number, mine)]
    files.say(folder, **facts, sees_order=True, won=won)


def _is_locked(path: Path) -> bool:
    """Return whether the lock that the login node holds is seen here."""
    with open(path, "rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
