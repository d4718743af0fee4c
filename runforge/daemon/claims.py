"""Which jobs start now, and on which slots: the scheduler's choice, written into the journal."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import NamedTuple

from runforge.core.outcome import Grant
from runforge.core.records import Group, Job
from runforge.core.scheduling import Capacity, Head, Machine, choose, place
from runforge.daemon.capacity import Slots
from runforge.machine.gpus import Gpus
from runforge.store import heads, records, transitions
from runforge.store.journal import Transaction

#: Chooses what starts next from what could start and the free slots (`core.scheduling.choose`).
Rule = Callable[[Iterable[Head], Capacity], Head | None]


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
        gpus: Gpus,
        *,
        machine: Machine = Machine(),  # noqa: B008 - immutable
        only_lane: int | None = None,
        rule: Rule = choose,
    ) -> None:
        #: The daemon's epoch. With a newer daemon, writes are refused.
        self.epoch = epoch
        self._only_lane = only_lane
        self._rule = rule
        self._slots = Slots(slots, gpu_slots, gpus, machine)
        #: Whether a run that could start needs a GPU: then somebody must look at them.
        self.wants_gpu = False

    @property
    def gpus(self) -> Gpus:
        """The devices that can be given."""
        return self._slots.gpus

    @gpus.setter
    def gpus(self, gpus: Gpus) -> None:
        self._slots.gpus = gpus

    def can_start(self, tx: Transaction) -> bool:
        """Return whether some job could start now."""
        return self._choose(tx, self._free(tx)) is not None

    def claim_all(self, tx: Transaction, now: str) -> list[Claimed]:
        """Claim as many jobs as there is room for."""
        claimed = []
        while (head := self._choose(tx, capacity := self._free(tx))) is not None:
            claimed.append(self._claim(tx, head, capacity, now))
        return claimed

    def _free(self, tx: Transaction) -> Capacity:
        # Read again: a claim that a full disk rolled back is still in memory.
        self._slots.load(tx.rows("attempts.slots"), tx.rows("attempts.grants"), tx.rows("attempts.asked"))
        return self._slots.capacity

    def _choose(self, tx: Transaction, capacity: Capacity) -> Head | None:
        if capacity.slots == 0:
            return None
        return self._rule(heads.first(tx, only=self._only_lane), capacity)

    def _claim(self, tx: Transaction, head: Head, capacity: Capacity, now: str) -> Claimed:
        job = records.job(tx.row("jobs.by_job_id", job_id=head.job_id))
        devices = self._slots.grants(place(head.needs, capacity) or ())
        grant = Grant(new_token(), self.epoch, self._slots.first_free(), devices)
        transitions.claim(tx, job, grant, now)
        job = records.job(tx.row("jobs.by_job_id", job_id=head.job_id))
        group = None
        if job.group_id is not None:
            group = records.group(tx.row("groups.by_id", group_id=job.group_id))
        return Claimed(job, group, grant)


def new_token() -> str:
    """Return the secret token of an attempt. Whatever has it belongs to that attempt."""
    return secrets.token_hex(16)
