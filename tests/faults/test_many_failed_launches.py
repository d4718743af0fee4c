"""Thousands of launches that fail at once: the daemon beats, listens and ends meanwhile."""

from __future__ import annotations

import shutil
import signal

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.store.opening import open_snapshot

pytestmark = pytest.mark.slow

#: Enough for some beats of the heart on a quick machine too: there a second has a thousand of these launches.
_RUNS = 5000


def _in_states(here: Arena) -> tuple[int, int]:
    """Return how many jobs wait, and how many have failed."""
    with open_snapshot(workspaces.at(here.root)) as journal, journal.read() as tx:
        row = tx.row("jobs.totals")
        return int(row["queued"]), int(row["failed"])


def test_a_daemon_hears_and_beats_while_launches_fail_one_after_the_other(here: Arena) -> None:
    group = here.sweep(_RUNS, name="gone")
    for folder in (here.root / ".runforge/runs").iterdir():
        shutil.rmtree(folder)
    process = here.daemon(2)

    beats = set()

    def has_beaten_while_jobs_wait() -> bool:
        beats.add(here.daemon_json()["last_heartbeat"])
        queued, failed = _in_states(here)
        assert queued, "all launches were tried before the daemon beat"
        return len(beats) > 2 and failed > 0

    here.until(has_beaten_while_jobs_wait, "the heart beats while launches fail")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    queued, failed = _in_states(here)
    assert queued > 0, "TERM was heard after the last launch only"
    assert queued + failed == _RUNS
    here.daemon(2)
    here.until_ended(group, "failed")
    jobs = here.jobs(group)
    assert len(jobs) == _RUNS
    assert {job["state"] for job in jobs} == {"failed"}
    assert all("run folder" in job["error"] for job in jobs)
