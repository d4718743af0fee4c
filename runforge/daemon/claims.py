"""Which jobs start now, and on which slots: the scheduler's choice, written into the journal."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from runforge.core.devices import Device, Reservation
from runforge.core.outcome import Grant
from runforge.core.records import Attempt, Job
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, Head, Machine, choose, place
from runforge.core.states import Cause
from runforge.daemon.capacity import Slots
from runforge.daemon.patience import SECONDS, Patience
from runforge.machine.gpu_world import Seen
from runforge.machine.gpus import Gpus
from runforge.store import heads, records, transitions
from runforge.store.journal import Transaction

#: Chooses what starts next from what could start and the free slots (`core.scheduling.choose`).
Rule = Callable[[Iterable[Head], Capacity], Head | None]


class Claimed(NamedTuple):
    """A job that was claimed, and what it was granted."""

    job: Job
    #: Metric and direction that its group is ranked by.
    objective: tuple[str, str] | None
    grant: Grant


class Claims:
    """Chooses and claims jobs for the free slots of one daemon; `only_lane` restricts it to one group."""

    def __init__(
        self,
        epoch: int,
        slots: int,
        gpu_slots: int | None,
        gpus: Gpus,
        *,
        machine: Machine = Machine(),  # noqa: B008 - immutable
        only_lane: int | None = None,
        rule: Rule = choose,
        patience: float = SECONDS,
    ) -> None:
        #: The daemon's epoch. With a newer daemon, writes are refused.
        self.epoch = epoch
        self._only_lane = only_lane
        self._rule = rule
        self._slots = Slots(slots, gpu_slots, gpus, machine)
        self._patience = Patience(patience)
        #: What could start at the last look, with the rows of these jobs.
        self._rows: dict[Head, Any] = {}
        #: Returns whose token it is, as a job id.
        self.job_of: Callable[[str], str | None] = _nobody
        #: Where attempts run; None is this machine.
        self.place: str | None = None
        #: How many more the backend takes; None is as many as there are slots.
        self.room: int | None = None
        #: Whether a run that could start wants a device.
        self.is_gpu_wanted = False

    @property
    def gpus(self) -> Gpus:
        """The devices that can be given."""
        return self._slots.gpus

    @gpus.setter
    def gpus(self, gpus: Gpus) -> None:
        self._slots.gpus = gpus

    @property
    def shown_gpu_slots(self) -> int:
        """How many GPU slots there are."""
        return self._slots.shown_gpu_slots

    @property
    def devices(self) -> list[Device]:
        """The devices with what was taken of them at the last look at the journal."""
        return self._slots.devices

    @property
    def quarantined(self) -> frozenset[str]:
        """The devices that get no new runs."""
        return self._slots.quarantined

    @property
    def reservation(self) -> Reservation | None:
        """What is kept for a run that has waited long."""
        return self._slots.reservation

    def can_start(self, tx: Transaction, now: float = 0.0) -> bool:
        """Return whether some job could start now; `now` is in seconds and only grows."""
        return self._choose(tx, self._free(tx), now) is not None

    def claim_all(
        self, tx: Transaction, now: str, seconds: float = 0.0, most: int = sys.maxsize
    ) -> list[Claimed]:
        """Claim as many jobs as there is room for, but not more than `most`."""
        claimed: list[Claimed] = []
        capacity = self._free(tx)
        while len(claimed) < most and (found := self._choose(tx, capacity, seconds)) is not None:
            made = self._claim(tx, found.needs, records.job(self._rows[found]), self._slots.capacity, now)
            claimed.append(made)
            if found.needs.gpus:
                capacity = self._free(tx)  # runs may share a device from now on
            else:
                self._slots.take(made.grant.slot, found.needs)
                capacity = self._slots.capacity
        return claimed

    def _free(self, tx: Transaction) -> Capacity:
        # Read again: a claim that a full disk rolled back is still in memory.
        taken = tx.rows("attempts.taken")
        grants = tx.rows("attempts.grants") if any(row["gpus"] for row in taken) else []
        self._slots.load(taken, grants, taken)
        self._slots.used_by = _used_by(self._slots.gpus.seen, self.job_of)
        if self._slots.gpus.total:
            self._slots.quarantined = frozenset(row["device"] for row in tx.rows("attempts.quarantined"))
        self._slots.reservation = None
        return self._slots.capacity

    def _choose(self, tx: Transaction, capacity: Capacity, seconds: float) -> Head | None:
        if capacity.slots == 0 or self.room == 0:
            return None
        found = self._rows = heads.with_rows(tx, only=self._only_lane)
        self.is_gpu_wanted = any(head.needs.gpus for head in found)
        kept = self._slots.reservation = self._patience.reservation(found, capacity, seconds)
        return self._rule(found, capacity._replace(reservation=kept))

    def _claim(self, tx: Transaction, needs: Resources, job: Job, capacity: Capacity, now: str) -> Claimed:
        failures = _failures(tx, job)
        avoid = failures[-1].devices if failures else ()
        devices = self._slots.grants(needs, place(needs, capacity, avoid) or ())
        slot = self._slots.first_free()
        grant = Grant(new_token(), self.epoch, slot, devices, len(failures), self.place)
        started, objective = transitions.claim(tx, job, grant, now)
        if self.room is not None:
            self.room -= 1
        self._patience.forget(needs)
        return Claimed(started, objective, grant)


def _nobody(_token: str) -> str | None:
    return None


def _used_by(seen: Iterable[Seen], job_of: Callable[[str], str | None]) -> dict[str, dict[str, int]]:
    """Return how much of each device each of our runs uses: UUID, job id, MB."""
    found: dict[str, dict[str, int]] = {}
    for device in seen:
        for owner in device.owners:
            job_id = job_of(owner.token) if owner.is_ours and owner.token is not None else None
            if job_id is not None:
                used = found.setdefault(device.uuid, {})
                used[job_id] = used.get(job_id, 0) + (owner.memory_mb or 0)
    return found


def _failures(tx: Transaction, job: Job) -> list[Attempt]:
    """Return the attempts of a job that failed because a device had no memory left."""
    if job.attempt <= 1 or not job.needs.gpus:
        return []
    attempts = [records.attempt(row) for row in tx.rows("attempts.of_job", job_id=job.job_id)]
    return [attempt for attempt in attempts if attempt.cause == Cause.GPU_OOM]


def new_token() -> str:
    """Return the secret token of an attempt. Whatever has it belongs to that attempt."""
    return secrets.token_hex(16)
