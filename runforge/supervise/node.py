"""What a supervisor knows of a node of a cluster, on which the daemon cannot see it.

What the daemon could not know is completed here: the devices, the processors. When the cluster wants the node back it
sends TERM to everything; the attempt's record then says so, with what the cluster has written of the reason.
"""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from types import FrameType

from runforge import clock
from runforge.attempts import exit_record
from runforge.attempts.build_spec import THREADS
from runforge.attempts.spec import GpuGrant, Spec
from runforge.core import exit_codes
from runforge.core.device import decide
from runforge.core.outcome import Begun, ExitRecord
from runforge.files import tail
from runforge.machine.gpus import Gpu
from runforge.metrics import tokens

#: Where the cluster writes what its own programs, and those of the attempt's shell, have to say.
OUTPUT = "slurm.out"
#: The attempt is another's, or was closed: the cluster has started it again, or too late.
NOT_OURS = 75
#: TERM goes to one process after the other: a run may have died by it before its supervisor hears of it.
_HEARS_SECONDS = 1.0
#: A run that the cluster ends has at most so long to save, and the supervisor so long to end after it.
_MOST_GRACE_SECONDS, _LAST_SECONDS = 10.0, 5.0
_PAUSE = 0.02
#: How the cluster's own variables begin. A run that calls `srun` needs them.
_CLUSTERS = ("SLURM", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK")
_OUTPUT_LIMIT = 16 * 1024
_REASONS = re.compile(rb"DUE TO|CANCELLED|[Mm]emory limit|oom|OOM|[Oo]ut [Oo]f [Mm]emory")


class Node:
    """What a supervisor knows of the machine where the cluster has started it."""

    def __init__(
        self, kill_wait: float = 30.0, *, output: Path | None = None, cpus: int | None = None
    ) -> None:
        """In a pilot: where its output is, and how many processors one of its runs has.

        The cluster kills `kill_wait` seconds after TERM; before that the record must be written.
        """
        self.most_grace_seconds = max(0.0, min(_MOST_GRACE_SECONDS, kill_wait - _LAST_SECONDS))
        self._output = output
        self._cpus = cpus
        #: The cluster has asked for the end.
        self.is_told = False
        self.exit_code = NOT_OURS

    def listen(self) -> None:
        """Take TERM as the cluster's wish from now on."""
        signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.is_told = True

    def begin(self, record: int, token: str) -> None:
        """Note where and when the attempt has begun. Raises OSError."""
        name = os.environ.get("SLURMD_NODENAME") or os.uname().nodename
        job = os.environ.get("SLURM_JOB_ID", "")
        exit_record.write_begun(record, token, Begun(clock.now(), name, os.getpid(), job))

    def has_ended_it(self, code: int | None, number: int | None) -> bool:
        """Return whether the cluster has ended a run with this end, which nobody else has asked to end."""
        if number == signal.SIGTERM or code == exit_codes.of_signal(signal.SIGTERM):
            deadline = time.monotonic() + _HEARS_SECONDS
            while not self.is_told and time.monotonic() < deadline:
                time.sleep(_PAUSE)
        return self.is_told

    def completed(self, spec: Spec) -> Spec:
        """Return the spec with the devices and processors that the attempt has here."""
        payload = spec.payload
        gpus = _gpus() if payload.request.get("device", {}).get("type") == "gpu" else ()
        family = str(payload.request.get("model", {}).get("family"))
        asked = str(payload.request.get("device", {}).get("type"))
        device = decide(asked, family, gpus=len(gpus), is_granted=bool(gpus))
        own = {name: value for name, value in os.environ.items() if name.startswith(_CLUSTERS)}
        if self._cpus is not None:
            own["SLURM_CPUS_PER_TASK"] = str(self._cpus)
        threads = self._cpus or _cpus()
        env = {**own, **spec.env, "RUNFORGE_DEVICE": device.type}
        env.update({name: str(threads) for name in THREADS if name in env})
        said = tokens.device(payload.device.type, payload.device.gpu_reason)
        now = tokens.device(device.type, device.gpu_reason)
        return spec._replace(
            env=env,
            preamble=tuple(now if line == said else line for line in spec.preamble),
            payload=payload._replace(grant=GpuGrant(len(gpus), gpus), device=device, threads=threads),
        )

    def explained(self, spec: Spec, ending: ExitRecord) -> ExitRecord:
        """Return the record with what the cluster has written of the end."""
        code = ending.exit_code if ending.signal is None else exit_codes.of_signal(ending.signal)
        self.exit_code = 1 if code is None else code
        is_killed = ending.terminated or ending.signal is not None
        return ending._replace(said=said_in(self._output or spec.attempt_dir) if is_killed else None)


def _gpus() -> tuple[Gpu, ...]:
    """Return the devices that the cluster shows: by the numbers or UUIDs that CUDA knows them by."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in shown.split(",") if name.strip()]
    return tuple(
        Gpu(place, name, "", 0) for place, name in enumerate(names) if name not in {"-1", "NoDevFiles"}
    )


def _cpus() -> int:
    """Return how many processors the cluster has given."""
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        given = os.environ.get(name, "")
        if given.isdecimal() and int(given) > 0:
            return int(given)
    return max(1, len(os.sched_getaffinity(0)))


def said_in(folder: Path) -> str | None:
    """Return what the cluster has last written of the reason for the end, into an attempt's or a pilot's folder."""
    lines = [
        line for line in tail.lines(folder / OUTPUT, _OUTPUT_LIMIT).splitlines() if _REASONS.search(line)
    ]
    return lines[-1].decode("utf-8", "replace") if lines else None
