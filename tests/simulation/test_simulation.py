"""Histories of a made-up world in which no invariant may break; `python -m tests.simulation` lives longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runforge.core.scheduling import Capacity, Head, choose
from runforge.daemon import claims, judging
from tests.simulation.world import Broken, fast_folder, play

#: Histories that found something once: slots kept after a full disk (0), a stopped daemon's late launch
#: (114), a deleted folder judged twice (300, 438).
KEPT = (0, 114, 300, 438)


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=fast_folder()) as made:
        yield Path(made)


@pytest.mark.parametrize("seed", KEPT)
def test_a_history_that_found_something_finds_nothing_now(seed: int, folder: Path) -> None:
    play(seed, 1500, folder)


def test_a_long_history_breaks_nothing_and_has_seen_everything(folder: Path) -> None:
    world = play(1, 15_000, folder)
    seen = world.referee.events
    assert (
        min(seen[event] for event in ("claimed", "requeued", "retried", "succeeded", "failed", "canceled"))
        > 20
    )
    assert min(world.done[kind] for kind in ("daemon killed", "daemon stopped", "fenced", "disk full")) > 5


def _unfair(heads: list[Head], capacity: Capacity) -> Head | None:
    first = min((head.lane_id for head in heads), default=0)
    return choose([head for head in heads if head.lane_id == first], capacity)


@pytest.mark.parametrize(
    ("owner", "name", "fault", "said"),
    [
        (claims, "choose", _unfair, "is served again|waits for nothing"),
        (judging.endings, "MAX_LOST", 9, "queued again after|given up after"),
    ],
)
def test_a_fault_in_the_product_is_found(
    owner: object, name: str, fault: object, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises(Broken, match=said):
        play(1, 15_000, folder)
