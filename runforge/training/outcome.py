"""Seeing to it that every attempt that ends leaves a true result.json, however it ended."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path
from typing import Any

from runforge import tokens
from runforge.documents.request import parse_request
from runforge.documents.result import build_result, encode, read_result
from runforge.durable import read_bounded, write_atomic
from runforge.errors import RunForgeError
from runforge.training import artifacts
from runforge.training.device import decide
from runforge.training.worker import effective_config

_RESULT_LIMIT = 4 * 1024 * 1024
_METRICS_LIMIT = 256 * 1024 * 1024
_LINE_LIMIT = 64 * 1024


def finish(spec: dict[str, Any], ending: dict[str, Any]) -> list[str]:
    """Leave a result.json that is true for this ending; return the closing lines of the log.

    Called by the supervisor before the exit record is written, so that whoever reads the record
    finds the result too.
    """
    run_dir = Path(spec["run_dir"])
    if not run_dir.is_dir():
        return []
    is_command = spec["argv"] is not None
    status, kind, message = _verdict(ending)
    own = None if is_command else _own_result(run_dir, spec)
    if own is not None and own == status:
        return []
    if not is_command and status == "succeeded":
        status, kind, message = "failed", "bad_result", "it ended well and left no result.json"
    names, last = _last_metrics(run_dir) if is_command else ([], {})
    error = None if status == "succeeded" else {"message": message, "type": kind}
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=ending["started_at"],
            finished_at=ending["finished_at"],
            duration_ms=ending["duration_ms"],
            effective_config=_config(spec["payload"]),
            primary_metric=_primary(spec["payload"], names, last),
            metrics=last,
            artifacts=artifacts.listing(run_dir),
            error=error,
        ),
    )
    return [tokens.stage("COMPLETED" if status == "succeeded" else "FAILED")]


def _verdict(ending: dict[str, Any]) -> tuple[str, str, str]:
    """Return (status, error type, message) of an ending."""
    if ending["canceled"]:
        return "cancelled", "canceled", "canceled while it was running"
    if ending["spawn_error"]:
        return "failed", "spawn_failed", f"could not be started: {ending['spawn_error']}"
    if ending["exit_code"] == 0:
        return "succeeded", "", ""
    if ending["oom"]:
        return "failed", "oom", "killed by the kernel: out of memory"
    if ending["signal"] is not None:
        number = ending["signal"]
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        return "failed", "signal", f"killed by signal {number} ({name})"
    return "failed", "exit", f"exit code {ending['exit_code']}"


def _own_result(run_dir: Path, spec: dict[str, Any]) -> str | None:
    """Return the status of the result that the worker wrote, if it can be read."""
    try:
        result = read_result(read_bounded(run_dir / "result.json", _RESULT_LIMIT))
    except OSError:
        return None
    return result.status if result is not None else None


def _config(payload: dict[str, Any]) -> dict[str, Any] | None:
    try:
        request = parse_request(payload["request"], where="request.json")
    except RunForgeError:
        return None
    return effective_config(request, decide(request.device_type, request.family, payload["grant"]))


def _last_metrics(run_dir: Path) -> tuple[list[str], dict[str, float]]:
    """Return the names that metrics.jsonl reports, in order, and the last value of each.

    A run may have written anything: lines that are no metric are passed over.
    """
    try:
        data = read_bounded(run_dir / "metrics.jsonl", _METRICS_LIMIT)
    except OSError:
        return [], {}
    last: dict[str, float] = {}
    for line in data.splitlines():
        if len(line) <= _LINE_LIMIT:
            last.update(_metric(line))
    return list(last), last


def _metric(line: bytes) -> dict[str, float]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(entry, dict):
        return {}
    name, value = entry.get("name"), entry.get("value")
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return {}
    return {name[:128]: float(value)} if math.isfinite(value) else {}


def _primary(payload: dict[str, Any], names: list[str], last: dict[str, float]) -> tuple[str, float] | None:
    wanted = payload["objective"]["metric"] if payload["objective"] else next(iter(names), None)
    return (wanted, last[wanted]) if wanted in last else None


def _write(run_dir: Path, document: dict[str, Any]) -> None:
    write_atomic(run_dir / "result.json", encode(document))


def write_lost(
    run_dir: Path,
    config: dict[str, Any] | None,
    *,
    status: str,
    error_type: str,
    message: str,
    started_at: str,
    finished_at: str,
    duration_ms: int,
) -> None:
    """Write the result of an attempt whose supervisor could not. Raises OSError."""
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            duration_ms=duration_ms,
            effective_config=config,
            artifacts=artifacts.listing(run_dir),
            error={"message": message, "type": error_type},
        ),
    )
