"""Fixtures: a private Slurm, or one line that says why there is none; and a made-up one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gauntlets import slurm_cluster
from gauntlets.slurm_cluster import Cluster
from tests.slurm.fake_slurm import FakeSlurm


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of three nodes, shared by the tests of a file. A test that kills a part revives it."""
    why = slurm_cluster.lacking()
    if why is not None:
        pytest.skip(why)
    with slurm_cluster.running() as made:
        yield made


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[FakeSlurm]:
    """A made-up Slurm."""
    made = FakeSlurm(tmp_path / "slurm")
    yield made
    made.stop()
