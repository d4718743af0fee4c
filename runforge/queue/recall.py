"""Takes runs back from a cluster's queue, for a change that only a waiting run can have, and lets them go again after it."""

from __future__ import annotations

import contextlib
import time

from runforge import clock
from runforge.core.records import ASKED_AND_HELD, Job
from runforge.core.states import State
from runforge.queue import hold, wakeup
from runforge.queue.change import change, committed, existing
from runforge.store import daemon_holder, edges
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

#: The daemon takes a run back within a second, if it is not busy.
_SECONDS = 20.0
_PAUSE = 0.05


@contextlib.contextmanager
def taken_back(
    workspace: Workspace,
    job_ids: Iterable[str],
    versions: Mapping[str, int] | None = None,
    *,
    stay_held: Collection[str] = (),
) -> Iterator[dict[str, int]]:
    """Take those of the runs back that wait in a cluster's queue; afterwards they may start, but for those of `stay_held`.

    They are held meanwhile, so that they are not submitted again before the change: whoever is killed in between leaves
    them so. Yields the versions of all of them that the change must find. One that a person has not seen in its version,
    that has begun, or that cannot be taken back now stays as it is.
    """
    wanted = dict(versions or {})
    ours = _ask(workspace, job_ids, wanted)
    if not ours:
        yield wanted
        return
    held = _await(workspace, ours)
    wanted.update({job.job_id: job.version for job in held if job.job_id in wanted})
    try:
        yield wanted
    finally:
        free = [job.job_id for job in held if job.job_id not in stay_held]
        with change(workspace) as tx:
            hold.set_held(tx, free, clock.now(), is_held=False)


def _ask(workspace: Workspace, job_ids: Iterable[str], versions: Mapping[str, int]) -> list[str]:
    """Ask for those that wait in a cluster's queue, and that nobody else wants back; return them."""
    with existing(workspace) as journal, journal.read() as tx:
        jobs = [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)]
    jobs = [
        job
        for job in jobs
        if job.waiting is not None
        and not job.recalled
        and versions.get(job.job_id, job.version) == job.version
    ]
    if not jobs or daemon_holder.holder(workspace) is None:  # the usual case; and nobody could do it
        return []
    with committed(workspace) as tx:
        now = clock.now()
        asked = [
            job.job_id
            for job in jobs
            if tx.run("jobs.recall", job_id=job.job_id, wish=ASKED_AND_HELD, now=now)
        ]
    wakeup.ring(workspace.doorbell)
    return asked


def _await(workspace: Workspace, job_ids: list[str]) -> list[Job]:
    """Wait until the daemon has taken them back or they have begun; return those that are held now."""
    deadline = time.monotonic() + _SECONDS
    with existing(workspace) as journal:
        while True:
            with journal.read() as tx:
                jobs = [edges.known_job(tx, job_id) for job_id in job_ids]
            if all(job.waiting is None for job in jobs) or time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        with journal.write() as tx:
            for job in jobs:
                tx.run("jobs.recall", job_id=job.job_id, wish=0, now=clock.now())  # those that still wait
            jobs = [edges.known_job(tx, job_id) for job_id in job_ids]
    return [job for job in jobs if job.state is State.QUEUED and job.held]
