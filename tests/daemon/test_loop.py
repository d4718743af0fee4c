"""The loop that a daemon and a foreground sweep share."""

from __future__ import annotations

from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors, Loop
from runforge.daemon.main import local_engine, take_over
from runforge.daemon.settings import Listener, Settings
from runforge.queue import pause
from runforge.store import records
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.faults.kit import enqueue


class _Noting(Descriptors):
    """Notes for how long the loop would wait, and waits shortly."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        super().wait(min(seconds, 0.01))


def test_a_paused_foreground_sweep_waits_instead_of_spinning(ws: Workspace) -> None:
    enqueue(ws, 0.0, 0.0)
    lock = DaemonLock.take(ws)
    settings, descriptors = Settings(max_parallel=1), _Noting()
    with open_journal(ws) as journal:
        with journal.read() as tx:
            group = records.group(tx.rows("groups.all")[0])
        pause.pause_group(ws, group.group_id)
        listener = Listener(lambda _job: None, lambda _job, _ending: None, log)
        engine = local_engine(
            ws,
            journal,
            take_over(journal, settings),
            settings,
            listener,
            descriptors,
            umask=0o077,
            only_lane=group.lane_id,
        )
        loop = Loop(ws, journal, lock, engine, descriptors)
        loop.start()
        # Zygotes that get ready and first exports wake it; then nothing is to do.
        loop.run(lambda: len(descriptors.waits) >= 400 or min(descriptors.waits[-5:], default=0) > 0.2)
        loop.close()
    lock.release()
    assert len(descriptors.waits) < 400
