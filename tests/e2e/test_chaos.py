"""A short chaos: kill -9 of anything at random while several processes work on the queue, also on graphs of runs."""

from __future__ import annotations

import pytest

from gauntlets.chaos import Chaos
from runforge.drills.arena import arena
from runforge.drills.scene import Scene

pytestmark = pytest.mark.slow


def test_nothing_is_lost_doubled_wrong_or_left_over() -> None:
    with arena(Scene, prefix="chaos-") as here:
        report = Chaos(here, kills=25, runs=120, seed=3, seconds=45.0).play()
    assert report["broken"] == []
    assert report["acknowledged"] >= 20
    assert report["kills"] >= 10
    assert report["witnessed_starts"] > 0


def test_runs_that_wait_for_others_start_when_they_may_and_never_sooner() -> None:
    with arena(Scene, prefix="chaos-") as here:
        report = Chaos(here, kills=25, runs=150, seed=7, seconds=45.0, graphs=True).play()
    assert report["broken"] == []
    assert report["acknowledged"] >= 50
    assert report["kills"] >= 10
    assert report["witnessed_starts"] > 20
