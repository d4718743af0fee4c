"""The drill of random kills, short: a node and the controller are killed below ten runs."""

from __future__ import annotations

import pytest

from gauntlets import slurm_chaos, slurm_cluster

pytestmark = pytest.mark.slow


def test_a_node_and_the_controller_are_killed() -> None:
    why = slurm_cluster.lacking(isolate=True)
    if why is not None:
        pytest.skip(why)
    with slurm_chaos.ground({"isolate": True}, late=False, keep=False, unclaimed=False) as (here, cluster):
        drill = slurm_chaos.Chaos(here, cluster, runs=10, kills=2, seed=22)
        report = drill.play()
    assert report["broken"] == []
    assert set(report["hits"]) == {"node", "controller"}
    assert sum(count for state, count in report["jobs"].items() if state in {"succeeded", "failed"}) == 10
