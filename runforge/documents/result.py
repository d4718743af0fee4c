"""result.json: the result of a run (docs/contract.md, section 7), written completely and read with care."""

from __future__ import annotations

from runforge import light_json
from runforge.documents import strict_json
from runforge.errors import InvalidRequest, RunForgeError
from runforge.named import NamedTuple
from runforge.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LIMIT = 4 * 1024 * 1024
_STATUSES = ("succeeded", "failed", "cancelled")
_MESSAGE = 2000
_SHOWN_NAMES = 6
_INFINITE = float("inf")
#: How a file became a source of metrics, for people.
_HOW = {
    "named": " (named by --metrics)",
    "open": " (the run had it open)",
    "changed": " (it changed where only this run was)",
    "printed": " (printed lines)",
}


class Result(NamedTuple):
    """The parts of a result.json that the queue needs. A metric with a name but no value has diverged."""

    status: str
    metric_name: str | None
    metric_value: float | None
    error_message: str | None
    raw: dict[str, Any]

    @property
    def remarks(self) -> list[str]:
        """Sentences about its metrics for people."""
        diverged, warnings = self.raw.get("diverged"), self.raw.get("warnings")
        found = [_divergence(diverged)] if isinstance(diverged, dict) else []
        if isinstance(warnings, list):
            found += [text for text in warnings if isinstance(text, str)]
        sources = self.raw.get("metric_sources")
        if isinstance(sources, list):
            found += [_source(source) for source in sources if isinstance(source, dict)]
        return found


def _divergence(diverged: dict[str, Any]) -> str:
    return f"it has diverged: the last value of {diverged.get('metric')} is {diverged.get('value')}"


def _source(source: dict[str, Any]) -> str:
    given = source.get("metrics")
    names = [safe(str(name)) for name in given] if isinstance(given, list) else []
    noun = "metric" if len(names) == 1 else "metrics"
    shown = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
    how = _HOW.get(str(source.get("by")), "")
    return f"{len(names)} {noun} from {safe(str(source.get('path')))}{how}: {shown}"


def read_result(data: bytes) -> Result | None:
    """Return the trusted parts of a result, or None: a run may have written anything."""
    try:
        return trusted(strict_json.parse(data, what="result", limit=_LIMIT, error=InvalidRequest))
    except RunForgeError:
        return None


def trusted(document: dict[str, Any]) -> Result | None:
    """Return the trusted parts of a result's document, or None."""
    status = document.get("status")
    if status not in _STATUSES or document.get("version") != 1:
        return None
    name, value = _primary(document)
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    shown = message[:_MESSAGE] if isinstance(message, str) else None
    return Result(status, name, value, shown, document)


def _primary(document: dict[str, Any]) -> tuple[str | None, float | None]:
    diverged, summary = document.get("diverged"), document.get("summary")
    if isinstance(diverged, dict) and isinstance(diverged.get("metric"), str):
        return diverged["metric"], None
    metric = summary.get("primary_metric") if isinstance(summary, dict) else None
    if not isinstance(metric, dict):
        return None, None
    name, value = metric.get("name"), metric.get("value")
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, None
    return (name, float(value)) if -_INFINITE < value < _INFINITE else (None, None)


def build_result(
    *,
    status: str,
    started_at: str,
    finished_at: str,
    duration_ms: int,
    effective_config: dict[str, Any] | None,
    primary_metric: tuple[str, float] | None = None,
    metrics: dict[str, float] | None = None,
    metric_sources: list[dict[str, Any]] | None = None,
    warnings: list[str] | None = None,
    dataset: dict[str, Any] | None = None,
    artifacts: list[dict[str, Any]] | None = None,
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document; `dataset` is null where the run read none.

    `summary` is null if the primary metric has no number, because clients expect a number in it. Values such
    as NaN are in another field together with all other values. A primary metric that ends as NaN or infinity
    is named in `diverged`.
    """
    import math

    from runforge.metrics.points import as_json  # who shows a result needs none of this

    last = metrics or {}
    summary, diverged = None, None
    if primary_metric is not None:
        name, value = primary_metric
        if math.isfinite(value):
            finite = {name: number for name, number in last.items() if math.isfinite(number)}
            summary = {"primary_metric": {"name": name, "value": value}, "metrics": finite}
        else:
            diverged = {"metric": name, "value": as_json(value)}
    return {
        "version": 1,
        "status": status,
        "started_at": started_at,
        "finished_at": finished_at,
        "duration_ms": max(0, duration_ms),
        "summary": summary,
        "last_values": {name: as_json(value) for name, value in last.items()},
        "diverged": diverged,
        "metric_sources": metric_sources or [],
        "warnings": warnings or [],
        "effective_config": effective_config,
        "dataset": dataset,
        "artifacts": artifacts or [],
        "error": error,
    }


def encode(document: dict[str, Any]) -> bytes:
    """Return the document's bytes, ASCII only: texts from a run may contain anything."""
    return light_json.dumps(document, indent=2, allow_nan=False).encode("ascii") + b"\n"
