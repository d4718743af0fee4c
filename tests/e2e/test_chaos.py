"""A short chaos: kill -9 of anything at random while several processes work on the queue, also on graphs of runs
and through sweeps."""

from __future__ import annotations

import pytest

from gauntlets.chaos import Chaos
from gauntlets.chaos_sweeps import SweepChaos
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


def test_sweeps_have_the_same_runs_as_without_kills() -> None:
    """The sampler answers by the seed alone, so that this holds for every sweep, with Optuna or without."""
    with arena(Scene, prefix="chaos-") as here:
        chaos = SweepChaos(here, trials=24, seed=4, seconds=90.0, hangs=0, has_optuna=False)
        report = chaos.play()
    assert report["broken"] == []
    assert report["compared"] == ["line", "random", "tpe"]
    assert report["made"] == {"random": 24, "tpe": 24, "line": 6}
    assert report["hits"]
