"""The daemon lets TPE sweeps go on. The samplers here are small programs, so that they can do anything wrong."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge import clock, failpoints
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Group, Job
from runforge.core.states import Cause, State
from runforge.core.study import Study
from runforge.core.submission import Submission
from runforge.daemon import sampler_child, sampling
from runforge.daemon.loop import Descriptors
from runforge.daemon.main import Settings, take_over
from runforge.daemon.sampling import Sampling
from runforge.documents import strict_json
from runforge.drills.plans import plan, request
from runforge.queue import cancel, extending, pause
from runforge.queue.submit import enqueue_sweep
from runforge.store import records, studies, targets, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.conftest import wait_until

H = "model.hyperparameters"
#: Answers as a pure function of seed and trials, as the real one does: `n` is new most of the time.
FAKE = """
import json, sys
asked = json.load(sys.stdin)
told = sum(trial["state"] == "complete" for trial in asked["trials"])
print("a warning of some library", file=sys.stderr)
print(json.dumps({"suggestions": [
    {"model.hyperparameters.n": (37 * (asked["seed"] + i) + told * 0) % 1000} for i in range(asked["count"])]}))
"""

#: Notes what it was told.
NOTING = FAKE.replace("told = ", "open(%r, 'a').write(json.dumps(asked['trials']) + chr(10)); told = ")


class Rig:
    """The sampling of a daemon that was started just now; runs are ended by hand."""

    def __init__(self, journal: Journal, code: str = FAKE, slots: int = 2) -> None:
        self.journal = journal
        self.epoch = take_over(journal, Settings(slots, 0))
        self.descriptors = Descriptors()
        self.said: list[str] = []
        command = [sys.executable, "-I", "-S", "-c", code]
        self.sampling = Sampling(
            journal, self.descriptors, self.epoch, slots, self.said.append, command=command
        )

    def until(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            self.sampling.step()
            self.descriptors.wait(0.01)
            return condition()

        wait_until(holds, what)

    def close(self) -> None:
        self.sampling.close()
        self.descriptors.close()

    # --- the queue -----------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        with self.journal.read() as tx:
            return [records.job(row) for row in tx.rows("jobs.all")]

    def values(self) -> list[Any]:
        return [json.loads(job.overrides)[f"{H}.n"] for job in self.jobs()]

    def group(self) -> Group:
        with self.journal.read() as tx:
            return targets.group(tx, "lm")

    def study(self) -> Study:
        group_id = self.group().group_id
        with self.journal.read() as tx:
            found = studies.of_group(tx, group_id)
        assert found is not None
        return found

    def begin(self) -> None:
        """Let the oldest queued run start."""
        job = next(job for job in self.jobs() if job.state is State.QUEUED)
        with self.journal.write() as tx:
            transitions.claim(tx, job, Grant(f"t{job.seq}", self.epoch, 0), clock.now())

    def end(self, state: State = State.SUCCEEDED, cause: Cause = Cause.EXIT) -> None:
        """Let the run that runs, or the oldest queued one, have been executed; its metric is its parameter."""
        if not any(job.state is State.RUNNING for job in self.jobs()):
            self.begin()
        job = next(job for job in self.jobs() if job.state is State.RUNNING)
        value = float(json.loads(job.overrides)[f"{H}.n"])
        with self.journal.write() as tx:
            ending = Ending(state, cause, None, metric_name="loss", metric_value=value)
            transitions.end(tx, job, ending, clock.now())


def queue(ws: Workspace, number: int, *, high: int = 999, name: str = "lm", **strategy: Any) -> str:
    parameter = {"path": f"{H}.n", "low": 0, "high": high}
    document = plan(
        ws.root,
        request(),
        {"type": "tpe", "number": number, "parameters": [parameter], **strategy},
        name=name,
    )
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    data = strict_json.dump(document)
    return enqueue_sweep(ws, data, Submission(priority=3), where="plan").group_id


@pytest.fixture
def journal(ws: Workspace) -> Iterator[Journal]:
    with open_journal(ws, create=True) as opened:
        yield opened


@pytest.fixture
def make(journal: Journal) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def rig(code: str = FAKE, slots: int = 2) -> Rig:
        made.append(Rig(journal, code, slots))
        return made[-1]

    yield rig
    for each in made:
        each.close()


Make = Callable[..., Rig]


def test_so_many_trials_wait_as_there_are_slots_until_all_are_made(ws: Workspace, make: Make) -> None:
    queue(ws, 5, repeat=1)
    rig = make(slots=2)
    rig.until(lambda: len(rig.jobs()) == 2, "two trials wait")
    assert [job.trial_no for job in rig.jobs()] == [0, 1]
    assert {(job.priority, job.state) for job in rig.jobs()} == {(3, State.QUEUED)}
    rig.end()
    rig.until(lambda: len(rig.jobs()) == 3, "a third follows")
    for made in (4, 5):
        rig.end()
        rig.until(lambda made=made: len(rig.jobs()) == made, "the next follows")  # type: ignore[misc]
    assert (rig.group().is_open, rig.group().finished_at) == (False, None)
    rig.end()
    rig.end()
    assert rig.group().finished_at is not None
    assert verify.check(ws) == []
    folder = ws.root / rig.jobs()[0].run_dir / "request.json"
    assert json.loads(folder.read_text())["sweep_group_id"] == rig.group().group_id


def test_one_at_a_time_each_trial_knows_all_earlier_ones(ws: Workspace, make: Make, tmp_path: Path) -> None:
    """So the sweep is the same again, whether its runs or the sampler are the faster ones."""
    queue(ws, 3)
    rig = make(NOTING.replace("%r", repr(str(tmp_path / "told"))), slots=1)
    for made in (1, 2, 3):
        rig.until(lambda made=made: len(rig.jobs()) == made, "the next trial")  # type: ignore[misc]
        rig.begin()
        rig.sampling.step()
        assert rig.sampling.wait_seconds() is None, "nothing is asked while a trial runs"
        rig.end()
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [[trial["state"] for trial in trials] for trials in told] == [["complete"] * n for n in range(3)]


def test_a_group_s_own_limit_counts_too_and_repeats_are_made_together(ws: Workspace, make: Make) -> None:
    queue(ws, 2, repeat=3)
    rig = make(slots=8)
    rig.until(lambda: len(rig.jobs()) == 6, "all of the two trials are there")
    assert rig.values() == [0, 0, 0, 37, 37, 37]
    assert [json.loads(job.overrides)["repeat"] for job in rig.jobs()] == [1, 2, 3] * 2


def test_what_the_runs_have_shown_is_told(ws: Workspace, make: Make, tmp_path: Path) -> None:
    queue(ws, 9)
    rig = make(NOTING.replace("%r", repr(str(tmp_path / "told"))), slots=1)
    endings = [
        (State.SUCCEEDED, Cause.EXIT),
        (State.FAILED, Cause.EXIT),
        (State.CANCELED, Cause.CANCELED),
        (State.CANCELED, Cause.STOPPED_EARLY),
    ]
    for made, ending in enumerate(endings, 1):
        rig.until(lambda made=made: len(rig.jobs()) == made, "a trial")  # type: ignore[misc]
        rig.end(*ending)
    rig.until(lambda: len(rig.jobs()) == 5, "the last trial")
    told = json.loads((tmp_path / "told").read_text().splitlines()[-1])
    assert told == [
        {"values": {f"{H}.n": 0}, "state": "complete", "value": 0.0},
        {"values": {f"{H}.n": 37}, "state": "failed"},
        {"values": {f"{H}.n": 111}, "state": "pruned", "steps": {}},
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('nonsense')", "the sampler printed no answer: nonsense"),
        ("", "the sampler printed no answer: nothing"),
        ("print('{}')", "the sampler printed no answer: {}"),
        ("import sys; print('x', flush=True); sys.exit('no memory')", "no memory"),
        ("raise ValueError('seven')", "ValueError: seven"),
        ("import os; os.kill(os.getpid(), 9)", "the sampler was killed by signal 9"),
        ("import os; print('thinking', flush=True); os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("import sys; sys.exit(3)", "the sampler ended with exit code 3"),
        ("print('{\"suggestions\": []}')", "the sampler's answer is wrong: it suggested nothing"),
        ('print(\'{"suggestions": [{"model.hyperparameters.n": 1000}]}\')', "outside of the space"),
        ('print(\'{"suggestions": [{"n": 1}]}\')', "outside of the space"),
        ("print('{\"suggestions\": [[[[1]]]]}')", "outside of the space"),
        ("print('[' * 100000)", "the sampler printed no answer: [[["),
        ("print('x' * 3000000)", "the sampler printed no answer: xxx"),
    ],
)
def test_a_sampler_that_fails_pauses_its_group_with_its_last_line(
    ws: Workspace, make: Make, code: str, reason: str
) -> None:
    queue(ws, 5)
    rig = make(code)
    rig.until(lambda: rig.group().is_paused, "the group is paused")
    group = rig.group()
    assert group.paused_by == "sampler"
    assert reason in str(group.pause_reason)
    assert rig.said == [
        f"WARNING: group {group.group_id} is paused: {group.pause_reason}; `runforge resume {group.group_id}` asks again"
    ]
    assert rig.jobs() == []
    rig.sampling.step()
    assert rig.sampling.wait_seconds() is None, "it does not spin"
    assert verify.check(ws) == []


def test_an_answer_counts_although_its_sampler_died_after_it(ws: Workspace, make: Make) -> None:
    queue(ws, 2)
    rig = make(f"{FAKE}\nimport os; sys.stdout.flush(); os.kill(os.getpid(), 9)")
    rig.until(lambda: len(rig.jobs()) == 2, "its trials are made")
    assert not rig.group().is_paused


def test_a_group_that_is_resumed_asks_again(ws: Workspace, make: Make, tmp_path: Path) -> None:
    queue(ws, 2)
    flag = tmp_path / "good"
    rig = make(f"import os\nif not os.path.exists({str(flag)!r}): raise SystemExit('not yet')\n{FAKE}")
    rig.until(lambda: rig.group().is_paused, "the group is paused")
    flag.touch()
    pause.resume_group(ws, "lm")
    rig.until(lambda: len(rig.jobs()) == 2, "its trials are made")
    assert (rig.group().paused_by, rig.group().pause_reason) == (None, None)


def test_a_sampler_that_hangs_is_ended_with_all_that_it_started(
    ws: Workspace, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_child, "SECONDS", 1.0)
    queue(ws, 5)
    pids = tmp_path / "pids"
    code = f"import os, time\npid = os.fork()\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\ntime.sleep(600)"
    rig = make(code)
    rig.until(lambda: rig.group().is_paused, "the group is paused")
    assert rig.group().pause_reason == "the sampler gave no answer in 1 s"
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: not _lives(pid), "it is gone")  # type: ignore[misc]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_while_one_hangs_other_sweeps_go_on(
    ws: Workspace, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SLOW_SECONDS", 0.2)
    queue(ws, 5)
    with open_journal(ws) as opened, opened.read() as tx:
        first = targets.group(tx, "lm").group_id
    hanging = tmp_path / "hanging"
    hanging.touch()
    hang = f"import os, time\ntry:\n    os.unlink({str(hanging)!r})\nexcept FileNotFoundError: pass\nelse: time.sleep(600)"
    rig = make(f"{hang}\n{FAKE}", slots=1)
    rig.until(lambda: not hanging.exists(), "the first one hangs")
    queue(ws, 2, name="other")
    rig.until(rig.jobs, "the other sweep has a trial")
    assert first not in {job.group_id for job in rig.jobs()}
    assert not rig.group().is_paused


def test_a_sampler_that_is_not_there_pauses_its_group(ws: Workspace, journal: Journal) -> None:
    queue(ws, 5)
    rig = Rig(journal)
    rig.sampling = Sampling(journal, rig.descriptors, rig.epoch, 2, rig.said.append, command=["/no/sampler"])
    rig.until(lambda: rig.group().is_paused, "the group is paused")
    assert "the sampler cannot be started" in str(rig.group().pause_reason)
    rig.close()


def test_the_loop_never_waits_for_a_sampler(ws: Workspace, make: Make) -> None:
    queue(ws, 5)
    rig = make("import time; time.sleep(600)")
    rig.sampling.step()
    began = time.monotonic()
    for _ in range(100):
        rig.sampling.step()
    assert time.monotonic() - began < 5
    assert (rig.sampling.wait_seconds() or 0) > 1


def test_a_repeat_is_asked_again_until_the_space_is_exhausted(ws: Workspace, make: Make) -> None:
    queue(ws, 10, high=2)
    modulo = FAKE.replace("% 1000", "% 3")
    rig = make(modulo, slots=4)
    rig.until(lambda: not rig.group().is_open, "the group closes")
    assert sorted(rig.values()) == [0, 1, 2]
    study = rig.study()
    assert (study.ended, study.made, study.repeats) == ("space exhausted", 3, 20)
    assert rig.said == [f"group {rig.group().group_id}: space exhausted, 3 of 10 trials are made"]
    for _ in range(3):
        rig.end()
    assert rig.group().finished_at is not None
    assert verify.check(ws) == []


def test_a_sweep_whose_runs_have_ended_when_its_space_is_exhausted_is_over(ws: Workspace, make: Make) -> None:
    queue(ws, 10, high=1)
    rig = make(FAKE.replace("% 1000", "% 1"), slots=1)
    rig.until(lambda: len(rig.jobs()) == 1, "the only trial")
    rig.end()
    rig.until(lambda: rig.group().finished_at is not None, "the group is over")
    assert rig.study().ended == "space exhausted"


def test_an_answer_comes_too_late_for_a_sweep_that_was_canceled_or_extended(
    ws: Workspace, make: Make
) -> None:
    group_id = queue(ws, 5)
    rig = make(f"import time; time.sleep(0.5)\n{FAKE}")
    rig.sampling.step()
    extending.extend(ws, "lm", [], 5)
    rig.until(lambda: len(rig.jobs()) == 2, "it was asked again")
    rig.end()
    rig.sampling.step()
    cancel.cancel(ws, [job.job_id for job in rig.jobs()], [group_id])
    count = len(rig.jobs())
    rig.until(lambda: rig.sampling.wait_seconds() is None, "nothing is asked any more")
    assert len(rig.jobs()) == count
    assert verify.check(ws) == []


def test_a_draining_daemon_asks_nothing(ws: Workspace, make: Make) -> None:
    queue(ws, 5)
    rig = make()
    rig.sampling.step(may_ask=False)
    assert rig.sampling.wait_seconds() == 0.0


class Killed(BaseException):
    """The daemon dies here."""


STEPS = (
    *("sampler.asked", "sampler.answered", "enqueue.run_made", "enqueue.written", "enqueue.durable"),
    *("trials.inserted", "trials.committed", "tx.begun", "tx.written", "tx.committed"),
)


def _survives(rig: Rig) -> bool:
    try:
        rig.sampling.step()
        rig.descriptors.wait(0.01)
    except Killed:
        return False
    return True


def _run(ws: Workspace, journal: Journal, number: int, step: str | None, nth: int) -> list[Any]:
    """Make a whole sweep, one trial after the other; the daemon dies once at a step."""
    passed = 0

    def kill(name: str) -> None:
        nonlocal passed
        if name == step and armed:
            passed += 1
            if passed == nth:
                raise Killed

    rig, armed = Rig(journal, slots=1), True
    with failpoints.observed(kill):
        for made in range(1, number + 1):
            while len(rig.jobs()) < made:
                if not _survives(rig):
                    armed = False
                    rig.close()
                    rig = Rig(journal, slots=1)
            armed = False
            rig.end()
            armed = True
    values = rig.values()
    rig.close()
    assert verify.check(ws) == []
    return values


@pytest.mark.parametrize("step", STEPS)
def test_a_daemon_that_dies_at_any_step_makes_the_same_trials(
    ws: Workspace, journal: Journal, step: str
) -> None:
    queue(ws, 4, high=999)
    expected = [0, 37, 74, 111]
    assert _run(ws, journal, 4, step, 2) == expected
    known = {path.name for path in ws.runs_dir.iterdir()}
    assert {job.run_id for job in Rig(journal).jobs()} <= known


@pytest.mark.slow
def test_hundreds_of_trials(ws: Workspace, make: Make) -> None:
    """With answers that repeat each other now and then, failures, and as many at once as there are slots."""
    queue(ws, 250, high=4999)
    rig = make(FAKE.replace("37 *", "7919 *").replace("% 1000", "% 5000"), slots=16)
    seen = 0

    def goes_on() -> bool:
        nonlocal seen
        while any(job.state is State.QUEUED for job in rig.jobs()):
            seen += 1
            rig.end(*((State.FAILED, Cause.EXIT) if seen % 7 == 0 else (State.SUCCEEDED, Cause.EXIT)))
        return rig.group().finished_at is not None

    wait_until(lambda: (rig.sampling.step(), rig.descriptors.wait(0.01), goes_on())[2], "all are made", 300)
    assert len(set(rig.values())) == len(rig.values()) == 250
    assert [job.trial_no for job in rig.jobs()] == list(range(250))
    assert verify.check(ws) == []
