"""The queue of a workspace whose journal is on another machine, as its exports show it: they are all that is here."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from runforge import clock
from runforge.core.states import LIVE, State
from runforge.errors import OperationFailed
from runforge.files import state_folder
from runforge.files.reading import read_bounded
from runforge.system import os
from runforge.views.daemon_status import STALE_SECONDS
from runforge.workspace import Workspace

_DAEMON_LIMIT, _QUEUE_LIMIT = 256 * 1024, 1024 * 1024 * 1024


class Elsewhere(NamedTuple):
    """What the exports say."""

    #: The machine that has the journal, and where it is there.
    host: str
    state_dir: str
    #: The machine that this is.
    here: str
    #: running, stopping or stopped, as the daemon has said last; silent if it has said nothing for long.
    daemon: str
    #: Seconds since the daemon has written, by two clocks that may differ; None if it never has.
    age: float | None
    backend_problem: str | None
    counts: dict[str, int]
    #: Ended runs that the exports do not show any more.
    left_out: int
    #: Those that wait or run, as queue.json shows them.
    jobs: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


def found(workspace: Workspace) -> Elsewhere | None:
    """Return what the exports say if the journal is on another machine, else None. OperationFailed if there are none."""
    host = state_folder.other_machine(workspace.root, workspace.state_dir)
    if host is None:
        return None
    try:
        queue = json.loads(read_bounded(workspace.queue_json, _QUEUE_LIMIT))
        states = Counter(str(job["state"]) for job in queue["jobs"])
        live = [job for job in queue["jobs"] if job["state"] in {state.value for state in LIVE}]
        left_out = int(queue["jobs_left_out"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise OperationFailed(
            f"the journal of this workspace is on {host} ({workspace.state_dir}), and the exports here cannot be read",
            where=str(workspace.queue_json),
            fix=f"Go to {host}, or look again in a moment ({type(error).__name__})",
        ) from None
    daemon, age, problem = _daemon(workspace)
    counts = {state.value: states[state.value] for state in State}
    here = os.uname().nodename
    return Elsewhere(host, str(workspace.state_dir), here, daemon, age, problem, counts, left_out, live)


def _daemon(workspace: Workspace) -> tuple[str, float | None, str | None]:
    try:
        told = json.loads(read_bounded(workspace.daemon_json, _DAEMON_LIMIT))
        age = clock.seconds_between(told["last_heartbeat"], clock.now())
        state, problem = str(told["state"]), told.get("backend_problem")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "stopped", None, None
    is_silent = state != "stopped" and age > STALE_SECONDS
    return "silent" if is_silent else state, max(0.0, age), None if problem is None else str(problem)
