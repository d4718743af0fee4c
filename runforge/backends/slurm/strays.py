"""Jobs of this workspace that belong to nothing here: an sbatch that had outlived its daemon. They are ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from runforge.backends.slurm.changing import Changing
from runforge.backends.slurm.listing import Row
from runforge.backends.slurm.looking import has_ended
from runforge.workspace import Workspace

#: It is ended when it was seen so often.
_SIGHTINGS = 3


class Strays:
    """What was seen of them in the last lists."""

    def __init__(
        self, workspace: Workspace, prefix: str, changing: Changing, log: Callable[[str], None]
    ) -> None:
        self._workspace = workspace
        self._prefix = prefix
        self._changing = changing
        self._log = log
        self._seen: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def end(self, rows: Mapping[str, Row], known: Collection[str]) -> None:
        """Take a list, and the names of the jobs that are not strays."""
        seen = {
            name
            for name, row in rows.items()
            if name.startswith(self._prefix) and name not in known and not row.is_over
        }
        self._seen = {name: self._seen.get(name, 0) + 1 for name in seen}
        for name, times in self._seen.items():
            if times >= _SIGHTINGS and not has_ended(self._workspace, name):
                self._log(f"WARNING: the job {name} belongs to no attempt of this queue; it is canceled")
                self._changing.cancel_name(name)
