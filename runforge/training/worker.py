"""The worker's code: one attempt of a training or of a dry run, from spec to result.json."""

from __future__ import annotations

import io
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runforge import clock
from runforge.attempts.spec import Spec
from runforge.core.device import Device
from runforge.documents.request import Request, parse_request
from runforge.documents.result import build_result, encode
from runforge.errors import InternalError, RunForgeError
from runforge.files.durable import write_to_be_noted
from runforge.metrics import tokens
from runforge.text import safe
from runforge.training import artifacts

_TRACEBACK_LIMIT = 20_000


@dataclass(slots=True)
class _Attempt:
    """What is known about the attempt so far."""

    started_at: str
    config: dict[str, Any] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    primary: tuple[str, float] | None = None
    dataset: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


def main(spec: Spec) -> int:
    """Run the attempt; return 0 if it succeeded, 1 if it failed. result.json says how."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    start = time.monotonic()
    attempt = _Attempt(clock.now())
    try:
        _run(spec, attempt)
    except RunForgeError as problem:
        attempt.error = {"message": safe(str(problem)), "type": type(problem).__name__}
    except MemoryError:
        message = "not enough memory; try fewer rows (--max-rows) or a smaller model"
        attempt.error = {"message": message, "type": "MemoryError"}
    except OSError as problem:
        attempt.error = {"message": _file_trouble(problem), "type": type(problem).__name__}
    except Exception as problem:  # noqa: BLE001 - the attempt's boundary: whatever it was is recorded
        attempt.error = _fault(problem)
    duration_ms = int((time.monotonic() - start) * 1000)
    _leave_result(spec.run_dir, attempt, duration_ms)
    if attempt.error:
        print(f"ERROR: {attempt.error['message']}")
    print(tokens.stage("FAILED" if attempt.error else "COMPLETED"))
    return int(attempt.error is not None)


def _run(spec: Spec, attempt: _Attempt) -> None:
    request = parse_request(spec.payload.request, where="request.json")
    attempt.config = effective_config(request, spec.payload.device)
    if spec.payload.dry_run_seconds is not None:
        from runforge.training.dry_run import dry_run

        dry_run(request, spec)
        return
    if request.family == "command":
        raise InternalError("a command is executed, not trained", where="spec.json")
    from runforge.training.train import train

    trained = train(request, spec)
    attempt.metrics, attempt.primary, attempt.dataset = trained.metrics, trained.primary, trained.dataset


def _file_trouble(problem: OSError) -> str:
    """Return one sentence about a full disk or a folder without write permission."""
    name = f"{problem.filename}: " if problem.filename else ""
    return safe(f"{name}{problem.strerror or problem}. Check the disk's space and the file's permissions")


def _fault(problem: Exception) -> dict[str, Any]:
    """Return a fault of RunForge itself; only here a traceback is useful."""
    trace = traceback.format_exc()
    print(trace, file=sys.stderr, flush=True)
    kind = type(problem).__name__
    lines = "\n".join(safe(line) for line in trace[-_TRACEBACK_LIMIT:].splitlines())
    return {"message": safe(f"{kind}: {problem}"), "type": kind, "traceback": lines}


def _leave_result(run_dir: Path, attempt: _Attempt, duration_ms: int) -> None:
    result = build_result(
        status="failed" if attempt.error else "succeeded",
        started_at=attempt.started_at,
        finished_at=clock.now(),
        duration_ms=duration_ms,
        effective_config=attempt.config,
        primary_metric=attempt.primary,
        metrics=attempt.metrics,
        dataset=attempt.dataset,
        artifacts=artifacts.listing(run_dir),
        error=attempt.error,
    )
    write_to_be_noted(run_dir / "result.json", encode(result))  # the supervisor's exit record comes later


def effective_config(request: Request, device: Device) -> dict[str, Any]:
    """Return what the run really uses, for result.json."""
    return {
        "preset": request.preset,
        "model": {
            "family": request.family,
            "hyperparameters": request.effective_hyperparameters,
            **({"command": list(request.command)} if request.command else {}),
        },
        "device": device.document(),
        "dataset": {"path": request.dataset_path, "label_column": request.label_column, **_reading(request)},
    }


def _reading(request: Request) -> dict[str, str]:
    """Return how the request wants its dataset to be read."""
    said = {"label_type": request.label_type, "separator": request.separator}
    return {name: value for name, value in said.items() if value is not None}
