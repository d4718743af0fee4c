"""A make-believe machine: attempts' folders, supervisors and GPUs, without a single process or file.

It keeps what the real protocol keeps (folder, lock, claim, exit record, cancel file) and remembers who
really ran, which no daemon is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from runforge.core.outcome import ExitRecord, Finding
from runforge.machine.gpus import Gpus


@dataclass(eq=False)
class Attempt:
    """An attempt's folder, and the supervisor and the run that may belong to it."""

    run_id: str
    number: int
    token: str
    boot: int
    claim: str | None = None
    record: ExitRecord | None = None
    #: The files in its folder that its supervisor looks for: cancel, yield, freeze.
    orders: set[str] = field(default_factory=set)
    has_supervisor: bool = False
    has_lock: bool = False
    is_running: bool = False


@dataclass
class Machine:
    """Everything outside of the daemon and the journal."""

    random: Random
    boot: int = 1
    folders: dict[Path, Attempt] = field(default_factory=dict)
    #: Attempts with a running supervisor or run.
    live: list[Attempt] = field(default_factory=list)
    #: run id, attempt -> how often it really started.
    starts: dict[tuple[str, int], int] = field(default_factory=dict)
    records: dict[tuple[str, int], ExitRecord] = field(default_factory=dict)
    gpus: Gpus = field(default_factory=Gpus)

    # --- what the daemon does ------------------------------------------------------------------

    def make_attempt(self, folder: Path, token: str = "") -> None:
        if folder in self.folders:
            raise FileExistsError(folder)
        self.folders[folder] = Attempt(folder.parent.name, int(folder.name), token, self.boot)

    def spawn(self, folder: Path) -> None:
        attempt = self.folders[folder]
        attempt.has_supervisor = True
        self.live.append(attempt)

    def find(self, folder: Path, token: str) -> tuple[Finding, ExitRecord | None]:
        attempt = self.folders.get(folder)
        if attempt is None or attempt.claim == "missing":
            return Finding.FOLDER_MISSING, None
        if attempt.record is not None and attempt.token == token:
            return Finding.ENDED, attempt.record
        if attempt.has_lock:
            return Finding.LIVE, None
        if attempt.claim is None:
            return Finding.UNCLAIMED, None
        if attempt.claim == "revoked":
            return Finding.REVOKED, None
        return (Finding.LOST if attempt.boot == self.boot else Finding.REBOOTED), None

    def revoke(self, folder: Path) -> bool:
        attempt = self.folders.get(folder)
        if attempt is None or attempt.claim is not None:
            return False
        attempt.claim = "revoked"
        return True

    def close_missing(self, folder: Path, token: str) -> bool:
        if folder not in self.folders:
            self.make_attempt(folder, token)
            self.folders[folder].claim = "missing"
        return self.folders[folder].claim == "missing"

    def clean_up(self, token: str) -> bool:
        left = [attempt for attempt in self.live if attempt.token == token and attempt.is_running]
        if left and self.random.random() < 0.2:
            return False  # something of it hangs in the kernel
        for attempt in left:
            self.end(attempt)
        return True

    def leave_order(self, folder: Path, order: str) -> None:
        if (attempt := self.folders.get(folder)) is not None:
            attempt.orders.add(order)

    def withdraw_order(self, folder: Path, order: str) -> None:
        if (attempt := self.folders.get(folder)) is not None:
            attempt.orders.discard(order)

    def is_supervised(self, token: str) -> bool:
        return any(attempt.token == token and attempt.has_supervisor for attempt in self.live)

    # --- what happens by itself ----------------------------------------------------------------

    def go_on(self) -> list[str]:
        """Let one supervisor take its next step; return what must never happen."""
        if not self.live:
            return []
        attempt = self.random.choice(self.live)
        if not attempt.has_supervisor:
            return []  # what a killed supervisor left runs until it is cleaned up
        if attempt.claim is None and not self._has_folder(attempt):
            self.end(attempt)  # no lock and no start marker
        elif not attempt.has_lock:
            attempt.has_lock = True
        elif attempt.claim is None:
            return self._start(attempt)
        elif attempt.claim == "revoked":
            self.end(attempt)
        elif self._is_at_its_end(attempt):
            self._exit(attempt)
        return []

    def _is_at_its_end(self, attempt: Attempt) -> bool:
        """Return whether it ends now: because it was told to, or by itself unless it stands still."""
        is_told = bool(attempt.orders & {"cancel", "yield"})
        return is_told or ("freeze" not in attempt.orders and self.random.random() < 0.4)

    def _has_folder(self, attempt: Attempt) -> bool:
        return any(attempt is known for known in self.folders.values())

    def _start(self, attempt: Attempt) -> list[str]:
        attempt.claim, attempt.boot, attempt.is_running = "started", self.boot, True
        key = (attempt.run_id, attempt.number)
        self.starts[key] = self.starts.get(key, 0) + 1
        name = f"{attempt.run_id} attempt {attempt.number}"
        found = [f"{name} started {self.starts[key]} times"] * (self.starts[key] > 1)
        beside = [a.number for a in self.live if a.is_running and a.run_id == attempt.run_id]
        return found + [f"{name} runs beside attempts {beside}"] * (len(beside) > 1)

    def _exit(self, attempt: Attempt) -> None:
        code: int | None = self.random.choice((0, 0, 0, 1, 3))
        number = None
        is_canceled = "cancel" in attempt.orders
        if is_canceled:
            code, number = None, 15
        attempt.record = ExitRecord(attempt.token, code, number, is_canceled, False, None, "", "", 0, 0, 0)
        if "yield" in attempt.orders and not is_canceled:
            # How most programs end then is success for everybody who does not know that they were asked to.
            is_finished, step = self.random.random() < 0.2, float(self.random.randint(0, 9))
            attempt.record = attempt.record._replace(yielded=True, finished=is_finished, last_step=step)
        self.records[attempt.run_id, attempt.number] = attempt.record
        self.end(attempt)

    def end(self, attempt: Attempt) -> None:
        attempt.has_supervisor = attempt.has_lock = attempt.is_running = False
        self.live.remove(attempt)

    def kill_a_supervisor(self) -> None:
        """By force; a run that it had started may outlive it until it is swept."""
        supervised = [attempt for attempt in self.live if attempt.has_supervisor]
        if supervised:
            attempt = self.random.choice(supervised)
            attempt.has_supervisor = attempt.has_lock = False
            if not attempt.is_running:
                self.live.remove(attempt)

    def delete_a_folder(self) -> None:
        """A user deletes a run's folder while the run is running."""
        if self.live:
            attempt = self.random.choice(self.live)
            for path, known in list(self.folders.items()):
                if known is attempt:
                    del self.folders[path]

    def reboot(self) -> None:
        for attempt in list(self.live):
            self.end(attempt)
        self.boot += 1
