"""A made-up box with GPUs for the real claims on a real journal: strangers come and go, devices vanish and come back.

It knows what each run really has on each device, and checks after each step what must never be.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from runforge import workspace
from runforge.clock import later
from runforge.core.outcome import DeviceGrant, Ending
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.daemon.claims import Claims
from runforge.machine.gpu_world import Seen
from runforge.machine.gpus import Gpu, Gpus, Refused
from runforge.store import quarantine, records, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal

#: No run takes longer than this, in seconds.
LONGEST = 300.0
#: A run that fits the box starts after so long at the most: its patience, twice what may run before it, and for each
#: other need that may have a turn before it the same again.
STARVED = 6 * (600.0 + 2 * LONGEST)
_START = "2026-01-01T00:00:00.000Z"


class Broken(AssertionError):
    """Something is as it must never be."""


class Box:
    """One history of a box with some devices."""

    def __init__(self, seed: int, folder: Path, patience: float) -> None:
        self.random = Random(seed)
        self.done: Counter[str] = Counter()
        self._now = 0.0
        self._memory = [self.random.choice((8000, 24_000, 81_000)) for _ in range(self.random.randint(1, 4))]
        self._gone: set[int] = set()
        self._foreign = dict.fromkeys(range(len(self._memory)), 0)
        self._unknown: set[int] = set()
        self._journal = self._open(workspace.at(folder))
        self._patience = patience
        self._claims = Claims(0, 32, None, self._gpus(), patience=patience)
        self._ends: dict[str, float] = {}
        self._granted: dict[str, tuple[DeviceGrant, ...]] = {}
        #: Since when a waiting run could have started on an idle box.
        self._waits: dict[str, tuple[float, Resources]] = {}
        self._made = 0
        self._is_calm = False

    @staticmethod
    def _open(here: workspace.Workspace) -> Journal:
        journal = open_journal(here, create=True)
        journal.connection.execute("PRAGMA synchronous=OFF")
        return journal

    def close(self) -> None:
        """Check the journal and close it."""
        try:
            self._require(
                not verify.check_connection(self._journal.connection), "the journal is not in order"
            )
        finally:
            self._journal.close()

    @staticmethod
    def _require(holds: bool, what: str) -> None:
        if not holds:
            raise Broken(what)

    @property
    def _at(self) -> str:
        return later(_START, self._now)

    def _gpus(self) -> Gpus:
        there = [n for n in range(len(self._memory)) if n not in self._gone]
        ours: Counter[int] = Counter()
        usable = tuple(Gpu(n, f"GPU-{n}", "made up", self._memory[n]) for n in there)
        seen = tuple(
            Seen(
                f"GPU-{n}",
                self._memory[n],
                self._foreign[n] + ours[n],
                ours[n],
                self._foreign[n],
                n not in self._unknown,
            )
            for n in there
        )
        refused = tuple(Refused(f"GPU {n}", "it is gone", n) for n in sorted(self._gone))
        problem = "; ".join(map(str, refused)) if refused and not usable else None
        return Gpus(usable, refused, problem, seen=seen)

    # --- what happens --------------------------------------------------------------------------

    def step(self) -> None:
        """Let one thing happen, start what can start, and check everything."""
        self._now += self.random.random() * 20
        kind = self.random.random()
        if kind < 0.5:
            self._enqueue()
        elif kind > 0.9 and not self._is_calm:
            self._mishap()
        for job_id in [job_id for job_id, at in self._ends.items() if at <= self._now]:
            self._end(job_id)
        self._start()
        self._check()

    def _enqueue(self) -> None:
        if len(self._waits) > 12:
            return
        self._made += 1
        gpus = self.random.choice((1, 1, 1, 2, len(self._memory)))
        if sum(needs.gpus > 1 for _, needs in self._waits.values()) >= 2:
            gpus = 1  # there are always small ones to come before them
        vram = self.random.choice((0, 0, 500, 3000, 7000))
        pins = self.random.sample(range(len(self._memory)), min(gpus, len(self._memory)))
        names = ",".join(sorted(f"GPU-{n}" for n in pins)) if self.random.random() < 0.2 else ""
        needs = Resources(gpus=min(gpus, len(self._memory)), vram_mb=vram, pins=names)
        name = f"j{self._made}"
        values = {
            "group_id": None,
            "lane_id": 1,
            "run_dir": "x",
            "overrides": "{}",
            "dry_run_seconds": None,
            "priority": 0,
        }
        with self._journal.write() as tx:
            transitions.enqueue(tx, needs, job_id=name, run_id=name, now=self._at, **values)
        self._waits[name] = self._now, needs

    def _mishap(self) -> None:
        number = self.random.randrange(len(self._memory))
        kind = self.random.choice(("gone", "back", "foreign", "unknown", "quarantine", "restart"))
        self.done[kind] += 1
        if kind == "gone":
            self._gone.add(number)
        elif kind == "back":
            self._gone.discard(number)
        elif kind == "foreign":
            self._foreign[number] = self.random.choice((0, 0, 200, 301, 5000))
        elif kind == "unknown":
            (self._unknown.discard if number in self._unknown else self._unknown.add)(number)
        elif kind == "quarantine":
            with self._journal.write() as tx:
                if not quarantine.release(tx, f"GPU-{number}"):
                    quarantine.put_aside(tx, f"GPU-{number}", "a test", self._at)
        else:
            self._claims = Claims(0, 32, None, self._gpus(), patience=self._patience)

    def calm_down(self) -> None:
        """Mend everything: from now on nobody may wait for ever."""
        self._is_calm = True
        self._gone.clear()
        self._unknown.clear()
        self._foreign = dict.fromkeys(self._foreign, 0)
        with self._journal.write() as tx:
            for number in range(len(self._memory)):
                quarantine.release(tx, f"GPU-{number}")
        self._waits = {name: (self._now, needs) for name, (_, needs) in self._waits.items()}

    def _end(self, job_id: str) -> None:
        del self._ends[job_id], self._granted[job_id]
        with self._journal.write() as tx:
            job = records.job(tx.row("jobs.by_job_id", job_id=job_id))
            transitions.end(tx, job, Ending(State.SUCCEEDED, Cause.EXIT), self._at)

    def _start(self) -> None:
        self._claims.gpus = self._gpus()
        with self._journal.write() as tx:
            aside = {row["device"] for row in tx.rows("attempts.quarantined")}
            claimed = self._claims.claim_all(tx, self._at, self._now)
        if self._claims.reservation is not None:
            self.done["reserved"] += 1
        for each in claimed:
            job_id = each.job.job_id
            self.done["whole" if each.grant.devices[0].is_whole else "shared"] += 1
            _, needs = self._waits.pop(job_id)
            self._check_grant(needs, each.grant.uuids, aside)
            self._granted[job_id] = each.grant.devices
            self._ends[job_id] = self._now + self.random.random() * LONGEST

    # --- checks --------------------------------------------------------------------------------

    def _check_grant(self, needs: Resources, uuids: list[str], aside: set[str]) -> None:
        there = {f"GPU-{n}" for n in range(len(self._memory)) if n not in self._gone}
        self._require(len(set(uuids)) == needs.gpus, f"{needs} got {uuids}")
        self._require(
            set(uuids) <= there - aside, f"{uuids} were given; {there} are there, and {aside} put aside"
        )
        self._require(not needs.pins or set(uuids) <= needs.pinned, f"{needs} got {uuids}")
        for uuid in uuids:
            number = int(uuid.removeprefix("GPU-"))
            if number in self._unknown or not needs.vram_mb:
                self._require(self._foreign[number] <= 300, f"{uuid} was given whole beside a stranger")

    def _check(self) -> None:
        for number, memory in enumerate(self._memory):
            here = [
                each for grants in self._granted.values() for each in grants if each.device == f"GPU-{number}"
            ]
            self._require(
                sum(each.share_mb for each in here) <= memory - 512, f"GPU-{number} is overbooked: {here}"
            )
            is_whole = any(each.is_whole for each in here)
            self._require(
                not is_whole or len(here) == 1, f"GPU-{number} is whole for one and given to others: {here}"
            )
        for name, (since, needs) in self._waits.items():
            is_too_long = self._is_calm and self._now - since > STARVED and self._fits(needs)
            self._require(not is_too_long, f"{name} waits since {since}: {needs}; running: {self._granted}")

    def _fits(self, needs: Resources) -> bool:
        """Return whether a run fits when nothing else is there."""
        able = 0
        for number, memory in enumerate(self._memory):
            is_free = number not in self._gone | self._unknown and not self._foreign[number]
            able += (
                is_free and memory >= needs.vram_mb and (not needs.pins or f"GPU-{number}" in needs.pinned)
            )
        return able >= needs.gpus


def play(seed: int, steps: int, folder: Path, patience: float) -> Counter[str]:
    """Live through a wild history and a calm one; Broken names the seed and what is wrong."""
    box = Box(seed, folder, patience)
    step = 0
    try:
        for step in range(steps):
            if step == steps // 2:
                box.calm_down()
            box.step()
        box.close()
    except Broken as error:
        raise Broken(f"seed {seed}, step {step}: {error}") from error
    return box.done
