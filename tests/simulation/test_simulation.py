"""Histories of a simulated world: no invariant may break. `python -m tests.simulation` runs longer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runforge.core import policy
from runforge.core.outcome import Report
from runforge.core.policy import Act, Decision, Past
from runforge.core.records import Job
from runforge.core.scheduling import Capacity, Head, choose
from tests.simulation.world import Broken, Rules, fast_folder, play

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


@pytest.mark.slow
def test_a_long_history_breaks_nothing_and_has_seen_everything(folder: Path) -> None:
    world = play(3, 15_000, folder)
    seen = world.referee.events
    assert (
        min(seen[event] for event in ("claimed", "requeued", "retried", "succeeded", "failed", "canceled"))
        > 20
    )
    assert min(seen[event] for event in ("frozen", "thawed", "yield_requested", "yields_counted")) > 20
    assert world.done["gpus broken"] > 5
    assert min(world.done[kind] for kind in ("daemon killed", "daemon stopped", "fenced", "disk full")) > 5


def _unfair(heads: Iterable[Head], capacity: Capacity) -> Head | None:
    found = list(heads)
    first = min((head.lane_id for head in found), default=0)
    return choose([head for head in found if head.lane_id == first], capacity)


def _patient(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Forgets how many attempts were lost before."""
    return policy.decide(report, job._replace(lost=0), orphans, past._replace(unstarted=0))


def _hopeful(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Takes every exit code 0 for success, also of a run that was asked to make room."""
    if report.record is not None and report.record.exit_code == 0:
        report = report._replace(record=report.record._replace(yielded=False))
    return policy.decide(report, job, orphans, past)


def _trusting(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Does not kill what is left of a lost attempt."""
    decision = policy.decide(report, job, orphans, past)
    return decision._replace(acts=tuple(act for act in decision.acts if act is not Act.CLEAN_UP))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(choose=_unfair), "is served again|waits for nothing"),
        (Rules(decide=_patient), "queued again after|given up after"),
        (Rules(decide=_trusting), "still runs|runs beside"),
        (Rules(decide=_hopeful), "it was asked to make room"),
    ],
    ids=["unfair", "patient", "trusting", "hopeful"],
)
def test_a_fault_in_the_product_is_found(rules: Rules, said: str, folder: Path) -> None:
    with pytest.raises(Broken, match=said):
        _play_many(folder, rules)


def _play_many(folder: Path, rules: Rules) -> None:
    """Live through a few histories: some faults are found only once in several."""
    for seed in range(1, 9):
        (folder / str(seed)).mkdir()
        play(seed, 15_000, folder / str(seed), rules)


def test_the_simulation_patches_no_name_of_the_product() -> None:
    ways = ["monkey" + "patch", "mock" + ".", "setattr" + "("]
    for path in Path(__file__).parent.glob("*.py"):
        assert not [way for way in ways if way in path.read_text("utf-8")], path.name
