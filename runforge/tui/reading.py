"""What the app reads for its screens: rows, a run, a group, the machine. For other threads than the painting one.

What reads it is imported when it is asked for: the first paint does not wait for it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runforge.core.filters import parse
from runforge.errors import OperationFailed
from runforge.files.durable import read_bounded
from runforge.machine.run_load import RunLoads
from runforge.tui.machine_history import History
from runforge.views.queue_snapshot import JobQuery, QueueReader, QueueSnapshot

if TYPE_CHECKING:
    from runforge.machine.load import Machine
    from runforge.views.shown import JobView, RunView
    from runforge.views.trials import Trials
    from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.views.nodes import Nodes

#: What the palette finds at most.
_MOST_FOUND = 12
_REQUEST_LIMIT = 64 * 1024
_MOMENT = 1.0


class Reading:
    """The part of the app that reads."""

    workspace: Workspace
    snapshot: QueueSnapshot | None

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self._loads = RunLoads()
        self._machine: Machine | None = None

    def read_rows(self, places: Sequence[int]) -> list[JobView]:
        """Return the jobs with these row ids, in the order of creation."""
        with contextlib.closing(QueueReader(self.workspace)) as reader:
            rows = reader.rows(places, self.snapshot) if self.snapshot else {}
        return [rows[place] for place in sorted(rows)]

    def read_run(self, run_id: str) -> RunView:
        """Return everything about a run."""
        from runforge.views import lists

        return lists.run(self.workspace, run_id)

    def read_trials(self, group_id: str) -> Trials:
        """Return a group's runs, best first."""
        from runforge.views import trials

        return trials.read(self.workspace, group_id)

    def read_why(self, names: Sequence[str]) -> list[str]:
        """Return why runs or groups stand as they do, and when they are done; without one, for the whole queue."""
        from runforge.views import why, why_words

        return [line for answer in why.why(self.workspace, names) for line in why_words.lines(answer)]

    def read_machine(self) -> Machine:
        """Return the machine's load, and take note of it; twice in a moment it is the same.

        Shares of processor time are since the last look: over a few milliseconds they would mean nothing.
        """
        from runforge.machine import load

        now = time.monotonic()
        if self._machine is None or self.history.age(now) >= _MOMENT:
            self._machine = with_holders(load.read_machine(self.workspace), self.workspace)
            self.history.record(self._machine, self._loads.look(), now)
        return self._machine

    def read_nodes(self) -> Nodes | None:
        """Return the nodes of a cluster; None where runs are on this machine."""
        if self.snapshot is None or self.snapshot.daemon.backend == "local":
            return None
        from runforge.views import nodes

        return nodes.read(self.workspace)

    def find_jobs(self, text: str) -> list[JobView]:
        """Return the first jobs that a filter finds; not for the painting thread."""
        with contextlib.closing(QueueReader(self.workspace)) as reader:
            snapshot = reader.snapshot(JobQuery(parse(text.strip().removeprefix("#"))))
            rows = reader.rows(snapshot.order[:_MOST_FOUND], snapshot)
        return list(rows.values())


def with_holders(machine: Machine, workspace: Workspace) -> Machine:
    """Return the machine with which runs and queues hold its GPUs."""
    if machine.gpus:
        from runforge.views import gpus

        shown = {gpu.uuid: gpu for gpu in gpus.read(workspace).gpus}
        held = {uuid: (*gpus.lease_parts(gpu), *gpus.doubt_parts(gpu)) for uuid, gpu in shown.items()}
        machine.gpus[:] = [replace(gpu, held=held.get(gpu.uuid, ())) for gpu in machine.gpus]
    return machine


def request_text(path: Path) -> str:
    """Return a request's text; not for the painting thread."""
    try:
        return read_bounded(path, _REQUEST_LIMIT).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise OperationFailed(f"{path}: {error}") from error
