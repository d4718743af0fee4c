"""Which jobs start now, and on which slots: the scheduler's choice, written into the journal."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from runforge.core.outcome import Grant
from runforge.core.records import Group, Job
from runforge.core.scheduling import Capacity, Choice, LaneHead, choose
from runforge.daemon.capacity import Slots
from runforge.machine.gpus import Gpu
from runforge.store import heads, records, transitions
from runforge.store.journal import Transaction

#: What could start and the free slots, to what starts next (`core.scheduling.choose`).
Rule = Callable[[Iterable[LaneHead], Capacity], Choice | None]


class Claimed(NamedTuple):
    """A job that was claimed, and what it was granted."""

    job: Job
    group: Group | None
    grant: Grant


class Claims:
    """Chooses and claims jobs for the free slots of one daemon; `only_lane` restricts it to one group."""

    def __init__(
        self,
        epoch: int,
        slots: int,
        gpu_slots: int,
        gpus: Sequence[Gpu],
        *,
        only_lane: int | None = None,
        rule: Rule = choose,
    ) -> None:
        #: The daemon's: a newer one fences it.
        self.epoch = epoch
        self._only_lane = only_lane
        self._rule = rule
        self._slots = Slots(slots, gpu_slots, gpus)

    def can_start(self, tx: Transaction) -> bool:
        """Return whether some job could start now."""
        # Read anew: a claim that a full disk has taken back left its slots in memory.
        self._slots.load(tx.rows("attempts.slots"))
        return self._choose(tx) is not None

    def claim_all(self, tx: Transaction, now: str) -> list[Claimed]:
        """Claim as many jobs as there are slots."""
        self._slots.load(tx.rows("attempts.slots"))
        claimed = []
        while (choice := self._choose(tx)) is not None:
            claimed.append(self._claim(tx, choice, now))
        return claimed

    def _choose(self, tx: Transaction) -> Choice | None:
        capacity = self._slots.capacity
        if capacity.cpu_free == 0:
            return None
        return self._rule(heads.first(tx, with_gpu=capacity.gpu_free > 0, only=self._only_lane), capacity)

    def _claim(self, tx: Transaction, choice: Choice, now: str) -> Claimed:
        job = records.job(tx.row("jobs.by_job_id", job_id=choice.job_id))
        cpu_slot = self._slots.first_free("cpu")
        gpu_slot = self._slots.first_free("gpu") if choice.requires_gpu else None
        gpu = self._slots.gpu_of(gpu_slot)
        grant = Grant(new_token(), self.epoch, cpu_slot, gpu_slot, gpu.uuid if gpu else None)
        transitions.claim(tx, job, grant, now)
        self._slots.load(tx.rows("attempts.slots"))
        job = records.job(tx.row("jobs.by_job_id", job_id=choice.job_id))
        group = None
        if job.group_id is not None:
            group = records.group(tx.row("groups.by_id", group_id=job.group_id))
        return Claimed(job, group, grant)


def new_token() -> str:
    """Return the secret of an attempt: whatever carries it belongs to that attempt."""
    return secrets.token_hex(16)
