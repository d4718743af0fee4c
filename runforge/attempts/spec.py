"""The spec: all that a supervisor and its worker know about an attempt, and its format on disk.

The daemon writes it. The supervisor, the worker and later daemons read it. A wrong spec is refused with the
name of the wrong field. Older versions are still read: runs of an older RunForge may be running under a new daemon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from runforge.attempts.environment import DAEMONS, EnvironmentFiles
from runforge.attempts.json_fields import Fields, Misfit
from runforge.core.device import Device, decide
from runforge.core.yielding import USUAL_SIGNAL
from runforge.files.durable import read_bounded
from runforge.machine.gpus import Gpu

NAME = "spec.json"
VERSION = 3
LIMIT = 16 * 1024 * 1024


class SpecError(ValueError):
    """What was read is not a spec; the message says which field is wrong."""


class Objective(NamedTuple):
    """Which metric a sweep ranks its runs by."""

    metric: str
    direction: str


class GpuGrant(NamedTuple):
    """How many GPUs the machine has, and which ones the run got."""

    gpus: int
    devices: tuple[Gpu, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as in the file; the first device is also a field of its own, for older readers."""
        devices = [asdict(gpu) for gpu in self.devices]
        return {"gpus": self.gpus, "gpu": devices[0] if devices else None, "devices": devices}


class GpuLock(NamedTuple):
    """A device that the supervisor locks for the run: alone, or together with others of its queue."""

    uuid: str
    is_whole: bool = True


class Payload(NamedTuple):
    """What the worker does, and what goes into the result. Supervisors pass it on without reading it."""

    #: request.json as the user wrote it. Code that needs its values parses it into a Request.
    request: dict[str, Any]
    grant: GpuGrant
    device: Device
    threads: int = 1
    dry_run_seconds: float | None = None
    max_rows: int | None = None
    objective: Objective | None = None


class Spec(NamedTuple):
    """One attempt: who it is, where it runs, what is executed. Exactly one of `target` and `argv` is set."""

    token: str
    run_id: str
    attempt: int
    workspace: Path
    run_dir: Path
    attempt_dir: Path
    cwd: Path
    #: `module:function`, called with the spec in a fork of the zygote.
    target: str | None
    #: The user's program with its arguments.
    argv: tuple[str, ...] | None
    #: `module:function`, called with spec and exit record before the record is written.
    finish: str | None
    #: Log lines that come before the worker's.
    preamble: tuple[str, ...]
    env: dict[str, str]
    #: What `env` is added to.
    environment: EnvironmentFiles
    umask: int
    #: The time between the first signal of a cancel and the last.
    grace_seconds: float
    #: Whether it can go on later, and the signal that asks it to save for that (TERM, USR1, ...).
    is_resumable: bool
    yield_signal: str
    #: The run is ended as by a cancel when it has taken this long.
    timeout_seconds: float | None
    log_limit_bytes: int
    #: Whether the log is copied to the supervisor's standard output.
    echo: bool
    payload: Payload
    gpu_locks: tuple[GpuLock, ...] = ()
    #: The name of the queue for these locks.
    queue: str = ""

    @property
    def is_command(self) -> bool:
        """Whether the attempt executes one of the user's programs."""
        return self.argv is not None

    def variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return all variables of the run, with those that it is given."""
        return {**given, **self.env, "RUNFORGE_TOKEN": self.token}

    def to_json(self) -> bytes:
        """Return the document that `from_json` reads."""
        payload, objective = self.payload, self.payload.objective
        values = {
            "version": VERSION,
            **self._asdict(),
            "workspace": str(self.workspace),
            "run_dir": str(self.run_dir),
            "attempt_dir": str(self.attempt_dir),
            "cwd": str(self.cwd),
            "environment": self.environment.document(),
            "gpu_locks": [each._asdict() for each in self.gpu_locks],
            "payload": {
                **payload._asdict(),
                "grant": payload.grant.document(),
                "device": payload.device._asdict(),
                "objective": objective and objective._asdict(),
            },
        }
        return json.dumps(values).encode()


def read(attempt_dir: Path) -> Spec:
    """Return the spec of an attempt. Raises OSError if it cannot be read, SpecError if it is not a spec."""
    return from_json(read_bounded(attempt_dir / NAME, LIMIT))


def from_json(data: bytes) -> Spec:
    """Return the spec in a document; SpecError says what is wrong with it."""
    try:
        fields = Fields(json.loads(data))
        version = fields.whole("version")
        if not 1 <= version <= VERSION:
            raise Misfit(f"version is {version}; this RunForge reads 1 to {VERSION}")
        return _spec(fields)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{NAME} is not a valid spec: {error}") from error


def _spec(fields: Fields) -> Spec:
    argv = fields.optional("argv", fields.texts)
    target = fields.optional("target", fields.text)
    if (argv is None) == (target is None) or argv == ():
        raise Misfit("exactly one of argv and target must say what is executed")
    return Spec(
        token=fields.text("token"),
        run_id=fields.text("run_id"),
        attempt=fields.whole("attempt"),
        workspace=fields.path("workspace"),
        run_dir=fields.path("run_dir"),
        attempt_dir=fields.path("attempt_dir"),
        cwd=fields.path("cwd"),
        target=target,
        argv=argv,
        finish=fields.optional("finish", fields.text),
        preamble=fields.texts("preamble"),
        env=fields.words("env"),
        environment=_environment(fields.optional("environment", fields.inner)),
        umask=fields.whole("umask"),
        grace_seconds=fields.number("grace_seconds"),
        is_resumable=bool(fields.optional("is_resumable", fields.flag)),
        yield_signal=fields.optional("yield_signal", fields.text) or USUAL_SIGNAL,
        timeout_seconds=fields.optional("timeout_seconds", fields.number),
        log_limit_bytes=fields.whole("log_limit_bytes"),
        echo=fields.flag("echo"),
        payload=_payload(fields.inner("payload")),
        gpu_locks=tuple(map(_gpu_lock, fields.inners("gpu_locks"))) if fields.has("gpu_locks") else (),
        queue=fields.text("queue") if fields.has("queue") else "",
    )


def _gpu_lock(fields: Fields) -> GpuLock:
    return GpuLock(fields.text("uuid"), fields.flag("is_whole"))


def _environment(fields: Fields | None) -> EnvironmentFiles:
    if fields is None:
        return DAEMONS
    return EnvironmentFiles(
        fields.optional("file", fields.path),
        fields.optional("sha", fields.text),
        fields.optional("source", fields.path),
        fields.texts("secrets"),
    )


def _payload(fields: Fields) -> Payload:
    request, grant = fields.mapping("request"), _grant(fields.inner("grant"))
    return Payload(
        request=request,
        grant=grant,
        device=_device(fields.inner("device"))
        if fields.has("device")
        else _device_of_version_1(request, grant),
        threads=fields.whole("threads"),
        dry_run_seconds=fields.optional("dry_run_seconds", fields.number),
        max_rows=fields.optional("max_rows", fields.whole),
        objective=fields.optional("objective", lambda name: _objective(fields.inner(name))),
    )


def _grant(fields: Fields) -> GpuGrant:
    if fields.has("devices"):
        return GpuGrant(fields.whole("gpus"), tuple(map(_gpu, fields.inners("devices"))))
    gpu = fields.optional("gpu", lambda name: _gpu(fields.inner(name)))
    return GpuGrant(fields.whole("gpus"), () if gpu is None else (gpu,))


def _gpu(fields: Fields) -> Gpu:
    return Gpu(fields.whole("index"), fields.text("uuid"), fields.text("name"), fields.whole("memory_mb"))


def _objective(fields: Fields) -> Objective:
    return Objective(fields.text("metric"), fields.text("direction"))


def _device(fields: Fields) -> Device:
    return Device(fields.text("type"), fields.optional("gpu_reason", fields.text))


def _device_of_version_1(request: dict[str, Any], grant: GpuGrant) -> Device:
    """Decide the device, which version 1 left to each reader."""
    fields = Fields(request, "payload.request.")
    asked, family = fields.inner("device").text("type"), fields.inner("model").text("family")
    return decide(asked, family, gpus=grant.gpus, is_granted=bool(grant.devices))
