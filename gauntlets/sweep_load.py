"""The sweeps of `python -m gauntlets sweeps`, their sampler, and what must be true of their runs."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path

from runforge import workspace as workspaces
from runforge.core.records import Group, Job
from runforge.core.states import State
from runforge.core.study import TPE, Study
from runforge.daemon.sampling import FAKE_SAMPLER
from runforge.drills import witness
from runforge.drills.plans import plan
from runforge.drills.scene import Scene, base_request
from runforge.machine import os_process
from runforge.queue import limit
from runforge.store import records, studies
from runforge.store.opening import open_journal

#: The trials that go one at a time are a part of the others' number.
_LINE = 4
_SECONDS, _CODE = "model.hyperparameters.seconds", "model.hyperparameters.code"
_SPACE = [{"path": _SECONDS, "low": 0.02, "high": 0.6}, {"path": _CODE, "values": [0, 3]}]
#: The sampler: Optuna's, or one that answers by the seed alone; or it does what the file beside it says.
_SAMPLER = """
HAS_OPTUNA, SECONDS, CODE = %r
import json, os, signal, sys, time
from runforge.machine import os_process
from runforge.sampler import __main__ as real
os_process.die_with_parent(os.getppid())
mode = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mode")).read()
if mode == "rubbish":
    os.write(1, os.urandom(5000))
    sys.exit()
if mode == "outside":
    print('{"suggestions": [{"x": 1}]}')
    sys.exit()
if mode == "failing":
    sys.exit("no memory")
if mode == "hanging":
    os.kill(os.getpid(), signal.SIGSTOP)
if HAS_OPTUNA:
    real.main()
else:
    asked = json.load(sys.stdin)
    time.sleep(0.05)
    at = lambda seed: {SECONDS: 0.02 + seed * 7919 %% 1000 / 4000, CODE: 3 * (seed %% 11 == 0)}
    print(json.dumps({"suggestions": [at(asked["seed"] + number) for number in range(asked["count"])]}))
"""


class Sampler:
    """The program that answers, and what it does wrong at the moment."""

    def __init__(self, here: Scene, *, has_optuna: bool) -> None:
        folder = here.root.parent / "sampler"
        folder.mkdir()
        self._program, self._away, self._mode = (folder / name for name in ("sampler.py", "away.py", "mode"))
        self._program.write_text(_SAMPLER % ((has_optuna, _SECONDS, _CODE),))
        self.be("good")
        here.environment[FAKE_SAMPLER] = str(self._program)

    def be(self, mode: str) -> None:
        """Do this from the next question on."""
        new = self._mode.with_suffix(".new")
        new.write_text(mode)
        new.replace(self._mode)
        source, target = (self._program, self._away) if mode == "missing" else (self._away, self._program)
        with contextlib.suppress(FileNotFoundError):
            source.rename(target)

    def pids(self, daemon: int) -> list[int]:
        """Return the samplers of a daemon that work now."""
        found = []
        for pid in os_process.children(daemon):
            with contextlib.suppress(OSError):
                if str(self._program).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found


class Sweeps:
    """The sweeps of one workspace."""

    def __init__(self, here: Scene, trials: int, seed: int) -> None:
        self._here = here
        self._workspace = workspaces.at(here.root)
        self._seed = seed
        self.wanted = {"random": trials, "tpe": trials, "line": max(1, trials // _LINE)}
        self.group_of: dict[str, str] = {}

    def queue(self, name: str) -> None:
        """Queue one of the sweeps."""
        base = base_request(self._here.witness)
        base["model"]["hyperparameters"]["kind"] = "telling"
        kind = "random" if name == "random" else "tpe"
        strategy = {"type": kind, "number": self.wanted[name], "seed": self._seed, "parameters": _SPACE}
        document = plan(self._here.root, base, strategy, name=name)
        document["objective"] = {"metric": "loss", "direction": "minimize"}
        group_id = self._here.enqueue(document, self.wanted[name] if kind == "random" else 0)
        if name == "line":
            limit.set_limit(self._workspace, group_id, 1)
        self.group_of[name] = group_id

    def groups(self) -> dict[str, Group]:
        """Return the sweeps as they are now, by name."""
        with open_journal(self._workspace) as journal, journal.read() as tx:
            found = {group.group_id: group for group in map(records.group, tx.rows("groups.all"))}
        return {name: found[group_id] for name, group_id in self.group_of.items()}

    def jobs(self) -> list[Job]:
        """Return all runs."""
        with open_journal(self._workspace) as journal, journal.read() as tx:
            return [records.job(row) for row in tx.rows("jobs.all")]

    def made(self) -> dict[str, list[str]]:
        """Return what each sweep has varied, in the order of its trials."""
        jobs = self.jobs()
        return {
            name: [job.overrides for job in jobs if job.group_id == group_id]
            for name, group_id in self.group_of.items()
        }

    def are_over(self) -> bool:
        """Return whether every sweep has ended."""
        return all(group.finished_at is not None for group in self.groups().values())

    def want_trials(self) -> bool:
        """Return whether a sampler will be asked again."""
        return any(study.made < study.wanted and study.ended is None for study in self._studies())

    def count_made(self) -> int:
        """Return how many trials a sampler has suggested."""
        return sum(study.made for study in self._studies())

    def all_want_trials(self) -> bool:
        """Return whether every sweep will have a sampler asked again."""
        return all(study.made < study.wanted for study in self._studies())

    def are_half_made(self) -> bool:
        """Return whether half of all trials are made."""
        return self.count_made() * 2 >= sum(study.wanted for study in self._studies())

    def _studies(self) -> list[Study]:
        with open_journal(self._workspace) as journal, journal.read() as tx:
            found = [studies.of_group(tx, group_id) for group_id in self.group_of.values()]
        return [study for study in found if study is not None and study.method == TPE]

    def check(self, expected: dict[str, list[str]]) -> list[str]:
        """Return what is wrong with the runs, though every invariant may hold."""
        found, made = [], self.made()
        for name, wanted in self.wanted.items():
            jobs = [job for job in self.jobs() if job.group_id == self.group_of[name]]
            if [job.trial_no for job in jobs] != list(range(wanted)):
                found.append(f"{name}: {len(jobs)} trials, or not numbered in turn, instead of {wanted}")
            twice = [
                digest for digest, count in Counter(job.config_hash for job in jobs).items() if count > 1
            ]
            found += [f"{name}: configuration {digest} was made twice" for digest in twice]
            found += [f"{name}: {text}" for text in map(_untrue, jobs) if text]
            if name in expected and made[name] != expected[name]:
                found.append(f"{name}: other runs than without kills")
        seen = witness.read(self._here.witness)
        for job in self.jobs():
            starts = sum(one.starts for one in seen.get(job.run_id, {}).values())
            if starts != 1:
                found.append(f"{job.run_id} started {starts} times")
        if not self.are_over():
            found.append("a sweep has not ended")
        return found


def _untrue(job: Job) -> str | None:
    """Say what is not true about a run that does as its parameters say."""
    values = json.loads(job.overrides)
    state = State.FAILED if values[_CODE] else State.SUCCEEDED
    if job.state is not state:
        return f"{job.run_id} is {job.state}, not {state}: {job.error}"
    if state is State.SUCCEEDED and job.metric_value != values[_SECONDS]:
        return f"{job.run_id} has {job.metric_value} instead of {values[_SECONDS]}"
    return None
