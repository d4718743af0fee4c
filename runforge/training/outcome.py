"""Makes sure that every ended attempt has a true result.json, however it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runforge.attempts.spec import Payload, Spec
from runforge.core import policy
from runforge.core.outcome import ExitRecord
from runforge.core.states import State
from runforge.documents.request import parse_request
from runforge.documents.result import build_result, encode, read_result
from runforge.errors import RunForgeError
from runforge.files.durable import is_folder, read_if_there, write_atomic, write_to_be_noted
from runforge.metrics import tokens
from runforge.metrics.jsonl import LastValues
from runforge.metrics.last_values import RunValues
from runforge.metrics.points import Rejected
from runforge.training import artifacts
from runforge.training.worker import effective_config

_RESULT_LIMIT = 4 * 1024 * 1024
#: How much of a lost attempt's metrics is read: the daemon waits for it.
_LOST_METRICS_LIMIT = 1024 * 1024
_NOTHING = Rejected()


def finish(
    spec: Spec,
    record: ExitRecord,
    printed: Rejected = _NOTHING,
    is_ours: Callable[[], bool] | None = None,
    kept: LastValues | None = None,
) -> list[str]:
    """Write a true result.json for this ending; return the last lines of the log.

    The supervisor calls this before it writes the exit record, so that a reader of the record
    finds the result too. OSError means that it can be neither read nor written now. `printed` is what the run printed
    like a metric and is none. `is_ours` says whether the run folder belongs to this attempt still: else the result
    that lies there is a later attempt's, and stays. `kept` is what metrics.jsonl says, if that is known already.
    """
    run_dir = spec.run_dir
    if not is_folder(run_dir):
        return []
    status, kind, message = _verdict(record)
    if not spec.is_command and _own_result(run_dir) == status:
        return []
    if not spec.is_command and status == "succeeded":
        status, kind, message = "failed", "bad_result", "exit code 0, but no valid result.json was left"
    metrics = _Metrics(RunValues(run_dir, printed=printed, own=kept)) if spec.is_command else _Metrics()
    error = None if status == "succeeded" else {"message": message, "type": kind}
    _write(
        run_dir,
        build_result(
            status=status,
            started_at=record.started_at,
            finished_at=record.finished_at,
            duration_ms=record.duration_ms,
            effective_config=_config(spec.payload),
            primary_metric=metrics.primary(spec.payload),
            metrics=metrics.last,
            metric_sources=metrics.sources,
            warnings=metrics.warnings,
            artifacts=artifacts.listing(run_dir),
            error=error,
        ),
        is_ours,
    )
    told = [f"[RunForge: {sentence}]" for sentence in metrics.warnings]
    return [*told, tokens.stage("COMPLETED" if status == "succeeded" else "FAILED")]


def _verdict(record: ExitRecord) -> tuple[str, str, str]:
    """Return (status, error type, message) of an ending."""
    ending = policy.of_record(record)
    stopped = {
        State.CANCELED: "cancelled",
        State.QUEUED: "cancelled",
    }  # a run that has yielded was not let finish
    status = {State.SUCCEEDED: "succeeded", **stopped}.get(ending.state, "failed")
    return status, ending.cause.value, ending.error or ""


def _own_result(run_dir: Path) -> str | None:
    """Return the status of the result that the worker wrote, if it wrote one. OSError if it cannot be read now."""
    data = read_if_there(run_dir / "result.json", _RESULT_LIMIT)
    result = read_result(data) if data is not None else None
    return result.status if result is not None else None


def _config(payload: Payload) -> dict[str, Any] | None:
    try:
        request = parse_request(payload.request, where="request.json")
    except RunForgeError:
        return None
    return effective_config(request, payload.device)


class _Metrics:
    """What a run has reported: last values, the primary metric, and warnings about the rest."""

    def __init__(self, found: RunValues | None = None) -> None:
        self.last = found.last if found is not None else {}
        self.warnings = found.sentences() if found is not None else []
        self.sources = found.sources() if found is not None else []
        self._main = found.primary() if found is not None else None

    def primary(self, payload: Payload) -> tuple[str, float] | None:
        """Return the plan's objective, or without one the run's main metric."""
        wanted = payload.objective.metric if payload.objective else self._main
        return (wanted, self.last[wanted]) if wanted is not None and wanted in self.last else None


def _write(run_dir: Path, document: dict[str, Any], is_ours: Callable[[], bool] | None = None) -> None:
    """Write the document; `is_ours` is the supervisor's, whose exit record comes later and says that the result counts."""
    if is_ours is None:
        write_atomic(run_dir / "result.json", encode(document))
    else:
        write_to_be_noted(run_dir / "result.json", encode(document), may_replace=is_ours)


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
    """Write the result of an attempt whose supervisor could not write it. Raises OSError."""
    metrics = _Metrics(RunValues(run_dir, _LOST_METRICS_LIMIT))
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
            metric_sources=metrics.sources,
            warnings=metrics.warnings,
            artifacts=artifacts.listing(run_dir),
            error={"message": message, "type": error_type},
        ),
    )
