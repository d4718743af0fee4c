"""Seeing to it that every attempt that ends leaves a true result.json, however it ended."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from runforge.documents.request import parse_request
from runforge.documents.result import build_result, encode, read_result
from runforge.errors import RunForgeError
from runforge.files.durable import read_bounded, write_atomic
from runforge.metrics import jsonl, tokens
from runforge.metrics.points import Rejected
from runforge.text import safe
from runforge.training import artifacts
from runforge.training.device import decide
from runforge.training.worker import effective_config

_RESULT_LIMIT = 4 * 1024 * 1024
#: So much of a lost attempt's metrics is read: the daemon waits for it.
_LOST_METRICS_LIMIT = 1024 * 1024
_NOTHING = Rejected()


def finish(spec: dict[str, Any], ending: dict[str, Any], printed: Rejected = _NOTHING) -> list[str]:
    """Leave a result.json that is true for this ending; return the closing lines of the log.

    Called by the supervisor before the exit record is written, so that whoever reads the record
    finds the result too. `printed` is what the run printed like a metric and is none.
    """
    run_dir = Path(spec["run_dir"])
    if not run_dir.is_dir():
        return []
    is_command = spec["argv"] is not None
    status, kind, message = _verdict(ending)
    if not is_command and _own_result(run_dir) == status:
        return []
    if not is_command and status == "succeeded":
        status, kind, message = "failed", "bad_result", "exit code 0, but no valid result.json was left"
    metrics = _Metrics(jsonl.read_last(run_dir / jsonl.NAME), printed) if is_command else _Metrics()
    error = None if status == "succeeded" else {"message": message, "type": kind}
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=ending["started_at"],
            finished_at=ending["finished_at"],
            duration_ms=ending["duration_ms"],
            effective_config=_config(spec["payload"]),
            primary_metric=metrics.primary(spec["payload"]),
            metrics=metrics.last,
            warnings=metrics.warnings,
            artifacts=artifacts.listing(run_dir),
            error=error,
        ),
    )
    told = [f"[RunForge: {sentence}]" for sentence in metrics.warnings]
    return [*told, tokens.stage("COMPLETED" if status == "succeeded" else "FAILED")]


def _verdict(ending: dict[str, Any]) -> tuple[str, str, str]:
    """Return (status, error type, message) of an ending."""
    if ending["canceled"]:
        return "cancelled", "canceled", "canceled while it was running"
    if ending["spawn_error"]:
        return "failed", "spawn_failed", f"could not be started: {safe(ending['spawn_error'])}"
    if ending["exit_code"] == 0:
        return "succeeded", "", ""
    return ("failed", *_failure(ending))


def _failure(ending: dict[str, Any]) -> tuple[str, str]:
    if ending["oom"]:
        return "oom", "killed by the kernel: out of memory"
    if ending["signal"] is not None:
        return "signal", f"killed by {_signal_name(ending['signal'])}"
    if ending["exit_code"] is None:
        return "lost", "its process ended unseen"
    return "exit", f"exit code {ending['exit_code']}"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _own_result(run_dir: Path) -> str | None:
    """Return the status of the result that the worker wrote, if it can be read."""
    try:
        result = read_result(read_bounded(run_dir / "result.json", _RESULT_LIMIT))
    except OSError:
        return None
    return result.status if result is not None else None


def _config(payload: dict[str, Any]) -> dict[str, Any] | None:
    try:
        request = parse_request(payload["request"], where="request.json")
    except (RunForgeError, LookupError):
        return None
    return effective_config(request, decide(request.device_type, request.family, payload["grant"]))


class _Metrics:
    """What a run has reported: last values, the primary metric, and what went wrong with the rest."""

    def __init__(self, found: jsonl.LastValues | None = None, printed: Rejected = _NOTHING) -> None:
        found = found or jsonl.LastValues()
        found.reader.rejected = printed.plus(found.reader.rejected)
        self.last = {name: point.value for name, point in found.points.items()}
        self.warnings = list(found.sentences())

    def primary(self, payload: dict[str, Any]) -> tuple[str, float] | None:
        """Return the plan's objective, or without one the metric that was named first."""
        objective = payload.get("objective")
        wanted = objective.get("metric") if isinstance(objective, dict) else next(iter(self.last), None)
        return (wanted, self.last[wanted]) if isinstance(wanted, str) and wanted in self.last else None


def _write(run_dir: Path, document: dict[str, Any]) -> None:
    write_atomic(run_dir / "result.json", encode(document))


def write_lost(
    run_dir: Path,
    payload: dict[str, Any] | None,
    *,
    status: str,
    error_type: str,
    message: str,
    started_at: str,
    finished_at: str,
    duration_ms: int,
) -> None:
    """Write the result of an attempt whose supervisor could not. Raises OSError."""
    metrics = _Metrics(jsonl.read_last(run_dir / jsonl.NAME, _LOST_METRICS_LIMIT))
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            duration_ms=duration_ms,
            effective_config=_config(payload) if payload is not None else None,
            primary_metric=metrics.primary(payload) if payload is not None else None,
            metrics=metrics.last,
            warnings=metrics.warnings,
            artifacts=artifacts.listing(run_dir),
            error={"message": message, "type": error_type},
        ),
    )
