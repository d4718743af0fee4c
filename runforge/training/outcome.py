"""Seeing to it that every attempt that ends leaves a true result.json, however it ended."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from runforge.attempts.spec import Payload, Spec
from runforge.core import exit_codes
from runforge.core.outcome import ExitRecord
from runforge.documents.request import parse_request
from runforge.documents.result import build_result, encode, read_result
from runforge.errors import RunForgeError
from runforge.files.durable import open_file, read_bounded, write_atomic
from runforge.metrics import tokens
from runforge.text import safe
from runforge.training import artifacts
from runforge.training.worker import effective_config

_RESULT_LIMIT = 4 * 1024 * 1024
_METRICS_LIMIT = 256 * 1024 * 1024
_LINE_LIMIT = 64 * 1024
_NAMES_LIMIT = 1000


def finish(spec: Spec, record: ExitRecord, is_ours: Callable[[], bool] | None = None) -> list[str]:
    """Leave a result.json that is true for this ending; return the closing lines of the log.

    Called by the supervisor before the exit record is written, so that whoever reads the record
    finds the result too. `is_ours` says whether the run folder belongs to this attempt still: else the result that
    lies there is a later attempt's, and stays.
    """
    run_dir = spec.run_dir
    if not run_dir.is_dir():
        return []
    status, kind, message = _verdict(record)
    if not spec.is_command and _own_result(run_dir) == status:
        return []
    if not spec.is_command and status == "succeeded":
        status, kind, message = "failed", "bad_result", "exit code 0, but no valid result.json was left"
    names, last = _last_metrics(run_dir) if spec.is_command else ([], {})
    error = None if status == "succeeded" else {"message": message, "type": kind}
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=record.started_at,
            finished_at=record.finished_at,
            duration_ms=record.duration_ms,
            effective_config=_config(spec.payload),
            primary_metric=_primary(spec.payload, names, last),
            metrics=last,
            artifacts=artifacts.listing(run_dir),
            error=error,
        ),
        is_ours,
    )
    return [tokens.stage("COMPLETED" if status == "succeeded" else "FAILED")]


def _verdict(record: ExitRecord) -> tuple[str, str, str]:
    """Return (status, error type, message) of an ending."""
    if record.canceled:
        return "cancelled", "canceled", "canceled while it was running"
    if record.spawn_error:
        return "failed", "spawn_failed", f"could not be started: {safe(record.spawn_error)}"
    if record.exit_code == 0:
        return "succeeded", "", ""
    return ("failed", *_failure(record))


def _failure(record: ExitRecord) -> tuple[str, str]:
    if record.oom:
        return "oom", "killed by the kernel: out of memory"
    if record.signal is not None:
        return "signal", f"killed by signal {record.signal} ({exit_codes.signal_name(record.signal)})"
    if record.exit_code is None:
        return "lost", "its process ended unseen"
    return "exit", exit_codes.words(record.exit_code)


def _own_result(run_dir: Path) -> str | None:
    """Return the status of the result that the worker wrote, if it can be read."""
    try:
        result = read_result(read_bounded(run_dir / "result.json", _RESULT_LIMIT))
    except OSError:
        return None
    return result.status if result is not None else None


def _config(payload: Payload) -> dict[str, Any] | None:
    try:
        request = parse_request(payload.request, where="request.json")
    except RunForgeError:
        return None
    return effective_config(request, payload.device)


def _last_metrics(run_dir: Path) -> tuple[list[str], dict[str, float]]:
    """Return the names that metrics.jsonl reports, in order, and the last value of each.

    A run may have written anything: lines that are no metric are passed over, and so are links,
    pipes and whatever comes after the first thousand names.
    """
    last: dict[str, float] = {}
    try:
        descriptor = open_file(run_dir / "metrics.jsonl", os.O_RDONLY)
    except OSError:
        return [], {}
    with open(descriptor, "rb") as stream, contextlib.suppress(OSError):
        for line in _lines(stream):
            found = _metric(line)
            if found is not None and (found[0] in last or len(last) < _NAMES_LIMIT):
                last[found[0]] = found[1]
    return list(last), last


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are not too long, in bounded memory, of a bounded part of the file."""
    is_rest = False
    while stream.tell() < _METRICS_LIMIT and (line := stream.readline(_LINE_LIMIT)):
        is_whole = line.endswith(b"\n") or len(line) < _LINE_LIMIT
        if is_whole and not is_rest:
            yield line
        is_rest = not is_whole


def _metric(line: bytes) -> tuple[str, float] | None:
    try:
        entry = json.loads(line)
        if not isinstance(entry, dict):
            return None
        name, value = entry.get("name"), entry.get("value")
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        number = float(value)
    except (ValueError, OverflowError, RecursionError):
        return None
    # The name goes into a document that readers refuse for a NUL or half of a surrogate pair.
    return (safe(name, 128), number) if math.isfinite(number) else None


def _primary(payload: Payload, names: list[str], last: dict[str, float]) -> tuple[str, float] | None:
    wanted = payload.objective.metric if payload.objective else next(iter(names), None)
    return (wanted, last[wanted]) if wanted in last else None


def _write(run_dir: Path, document: dict[str, Any], is_ours: Callable[[], bool] | None = None) -> None:
    write_atomic(run_dir / "result.json", encode(document), may_replace=is_ours)


def write_lost(
    run_dir: Path,
    payload: Payload | None,
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
            effective_config=_config(payload) if payload is not None else None,
            artifacts=artifacts.listing(run_dir),
            error={"message": message, "type": error_type},
        ),
    )
