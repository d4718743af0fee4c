"""Histories of boxes with GPUs: no device over its memory, none whole for two, and no large run starves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runforge.daemon.patience import SECONDS
from tests.simulation.devices import Broken, play
from tests.simulation.world import fast_folder


def _play(seeds: range, steps: int, patience: float = SECONDS) -> Counter[str]:
    done: Counter[str] = Counter()
    for seed in seeds:
        with TemporaryDirectory(dir=fast_folder()) as made:
            done += play(seed, steps, Path(made), patience)
    return done


def test_nothing_is_overbooked_and_nobody_starves() -> None:
    done = _play(range(5), 1600)
    assert min(done[kind] for kind in ("whole", "shared", "reserved")) > 50
    assert min(done[kind] for kind in ("gone", "foreign", "unknown", "quarantine", "restart")) > 10


@pytest.mark.slow
def test_many_boxes() -> None:
    _play(range(100, 112), 3000)


def test_without_reservations_a_large_run_starves() -> None:
    """The check itself sees what it is for."""
    with pytest.raises(Broken, match="waits since"):
        _play(range(6), 2400, float("inf"))
