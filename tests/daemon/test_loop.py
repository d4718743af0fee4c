"""The loop that a daemon and a foreground sweep share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors, Loop
from runforge.daemon.main import local_engine, take_over
from runforge.daemon.settings import Listener, Settings
from runforge.queue import pause
from runforge.store import records
from runforge.store.journal import Journal
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


@contextmanager
def _loop(ws: Workspace, descriptors: Descriptors) -> Iterator[tuple[Loop, Journal]]:
    """Yield the loop of a paused foreground sweep, and its journal."""
    enqueue(ws, 0.0, 0.0)
    lock, settings = DaemonLock.take(ws), Settings(max_parallel=1)
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
        yield loop, journal
        loop.close()
    lock.release()


def test_a_paused_foreground_sweep_waits_instead_of_spinning(ws: Workspace) -> None:
    descriptors = _Noting()
    with _loop(ws, descriptors) as (loop, _):
        # Zygotes that get ready and first exports wake it; then nothing is to do.
        loop.run(lambda: len(descriptors.waits) >= 400 or min(descriptors.waits[-5:], default=0) > 0.2)
    assert len(descriptors.waits) < 400


@pytest.mark.parametrize("is_written", [False, True])
def test_a_deleted_wal_is_told_once_whether_a_look_or_a_write_has_put_it_right(
    ws: Workspace, capfd: pytest.CaptureFixture[str], is_written: bool
) -> None:
    descriptors = _Noting()
    with _loop(ws, descriptors) as (loop, journal):
        loop.run(lambda: len(descriptors.waits) >= 3)
        Path(f"{ws.journal}-wal").unlink()
        if is_written:  # as the round does that has looked a moment before
            with journal.write():
                pass
        loop.run(lambda: len(descriptors.waits) >= 6)
    assert capfd.readouterr().err.count("was deleted under the daemon") == 1
