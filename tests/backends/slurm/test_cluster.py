"""What a cluster says of itself."""

from __future__ import annotations

import pytest

from runforge.backends.slurm.cluster import Cluster, parse

CONFIG = """\
Configuration data as of 2026-11-26T19:00:00
ClusterName             = lab
KillWait                = {kill_wait}
MinJobAge               = 120 sec
MinMemoryPerCPU         = UNLIMITED

Slurmctld(primary) at n0 is UP
"""


@pytest.mark.parametrize(("told", "seconds"), [("45 sec", 45.0), ("(null)", 30.0), ("", 30.0)])
def test_what_is_told_counts_and_else_what_is_usual(told: str, seconds: float) -> None:
    assert parse(CONFIG.format(kill_wait=told)) == Cluster("lab", 120.0, seconds)


def test_nothing_is_told() -> None:
    assert parse("") == Cluster("", 300.0, 30.0)
