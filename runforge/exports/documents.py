"""The contents of the exported files: queue.json, group.json, daemon.json (docs/contract.md, 2 to 4)."""

from __future__ import annotations

from _operator import itemgetter

from runforge import light_json
from runforge.core.group_status import status_of
from runforge.core.ranking import MINIMIZE, Ranking, ranking
from runforge.core.states import TERMINAL, Cause
from runforge.store import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from runforge.core.daemon_row import DaemonRow
    from runforge.core.records import Group, Job
    from runforge.store.journal import Transaction

    #: What the queued jobs wait for, by job id: as `waiting_on` of queue.json shows it.
    WaitingOn = Mapping[str, list[dict[str, str]]]
    #: Where jobs are in a cluster, by job id: the job's number there, and its machine.
    Places = Mapping[str, tuple[str | None, str | None]]

_ENDED = frozenset(map(str, TERMINAL))
_NOWHERE: Places = {}


def waiting_on(tx: Transaction, rows: Sequence[Any]) -> WaitingOn:
    """Return what these jobs wait for; the rows are in order of number."""
    found: dict[str, list[dict[str, str]]] = {}
    if any(row["blockers"] for row in rows):
        for edge in tx.rows("edges.awaited_by", first=rows[0]["seq"], last=rows[-1]["seq"]):
            found.setdefault(edge["job_id"], []).append(
                {"kind": edge["kind"], "id": edge["id"], "condition": edge["condition"]}
            )
    return found


def places(tx: Transaction, rows: Sequence[Any]) -> Places:
    """Return where those of these jobs are that are in a cluster; the rows are in order of number."""
    if not rows:
        return {}
    found = tx.rows("attempts.places", first=rows[0]["seq"], last=rows[-1]["seq"])
    return {row["job_id"]: (row["place"], row["node"]) for row in found}


#: What is shown of a job as it stands in its row, in the order of queue.json.
_COLUMNS = (
    *(
        "job_id",
        "run_id",
        "group_id",
        "priority",
        "state",
        "gpus",
        "attempt",
        "created_at",
        "started_at",
        "finished_at",
    ),
    *(
        "error",
        "cause",
        "cancel_requested",
        "dry_run_seconds",
        "seq",
        "name",
        "tags",
        "held",
        "not_before",
        "frozen_at",
    ),
    *("yield_requested", "is_resumable", "on_lost", "yields", "stop_reason", "waiting"),
)


def job_documents(rows: Sequence[Any], waiting: WaitingOn, where: Places = _NOWHERE) -> list[dict[str, Any]]:
    """Return rows of `jobs` as queue.json shows them."""
    return [_job_document(values, waiting, where) for values in _columns(rows, _COLUMNS)]


def _columns(rows: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield columns of rows. There may be very many: no Job is made, and a row would look for each name from its first one."""
    if not rows:
        return iter(())
    there = rows[0].keys()
    return map(itemgetter(*map(there.index, names)), rows)


def _job_document(values: tuple[Any, ...], waiting: WaitingOn, where: Places) -> dict[str, Any]:
    (job_id, run_id, group_id, priority, state, gpus, attempt, created_at, started_at, finished_at, *more) = (
        values
    )
    error, cause, cancel_requested, dry_run_seconds, seq, name, tags, held, not_before, frozen_at, *more = (
        more
    )
    yield_requested, is_resumable, on_lost, yields, stop_reason, waits = more
    is_begun = waits is None
    place, node = where.get(job_id, (None, None))
    return {
        "job_id": job_id,
        "kind": "run",
        "run_id": run_id,
        "group_id": group_id,
        "priority": priority,
        "state": state if is_begun else "queued",
        "requires_gpu": gpus > 0,
        "attempt": attempt,
        "created_at": created_at,
        "started_at": started_at if is_begun else None,
        "finished_at": finished_at,
        "error": error,
        "cause": cause,
        "cancel_requested": bool(cancel_requested),
        "dry_run": dry_run_seconds is not None,
        "number": seq,
        "name": name,
        "tags": light_json.loads(tags) if tags != "[]" else [],
        "held": bool(held),
        "not_before": not_before,
        "waiting_on": waiting.get(job_id, []),
        "frozen_at": frozen_at,
        "yield_requested": yield_requested > 0,
        "resumable": is_resumable == 1,
        "on_lost": on_lost,
        "yields": yields,
        "stop_reason": light_json.loads(stop_reason) if stop_reason else None,
        "place": place,
        "node": node,
        "waiting": waits,
    }


def queue_document(daemon: DaemonRow, seq: int, totals: Any, limit: int | None) -> dict[str, Any]:
    """Return queue.json without its jobs; `totals` counts all jobs, and `limit` ended ones at most are shown."""
    ended = sum(totals[state] or 0 for state in ("succeeded", "failed", "canceled"))
    return {
        "version": 1,
        "kind": "execution_queue",
        "journal_seq": seq,
        "max_parallel": daemon.max_parallel,
        "gpu_slots": daemon.gpu_slots,
        "last_served_group": daemon.last_served_group,
        "jobs_total": sum(count or 0 for count in totals),
        "jobs_left_out": 0 if limit is None else max(0, ended - limit),
        "jobs": [],
    }


def group_ranking(tx: Transaction, group: Group) -> Ranking:
    """Return how a group's runs are ranked."""
    first = None
    if group.objective_metric is None:
        row = tx.row("groups.first_metric", group_id=group.group_id)
        first = row[0] if row is not None else None
    return ranking(group.objective_metric, group.direction, first)


def best_run(tx: Transaction, group: Group) -> Job | None:
    """Return the best succeeded run; None if there is none, or if it is unknown what is better."""
    by = group_ranking(tx, group)
    if by.direction is None:
        return None
    query = "groups.lowest" if by.direction == MINIMIZE else "groups.highest"
    row = tx.row(query, group_id=group.group_id, metric=by.metric)
    return records.job(row) if row is not None else None


def group_document(group: Group, best: Job | None) -> dict[str, Any]:
    """Return group.json without its runs."""
    return {
        "version": 1,
        "kind": "run_group",
        "group_id": group.group_id,
        "created_at": group.created_at,
        "created_by": group.created_by,
        "name": group.name,
        "notes": group.notes,
        "plan_ref": "plan.json",
        "paused": group.is_paused,
        "paused_by": group.paused_by,
        "pause_reason": group.pause_reason,
        "status": status_of(group),
        "execution": {
            "max_parallel": group.max_parallel,
            "started_at": group.started_at or group.created_at,
            "finished_at": group.finished_at,
            "cancelled": group.is_canceled,
        },
        "runs": [],
        "summary": {
            "total": group.total,
            "succeeded": group.succeeded,
            "failed": group.failed,
            "canceled": group.canceled,
            "best_run_id": best.run_id if best else None,
            "best_primary_metric": _metric(best.metric_name, best.metric_value) if best else None,
        },
    }


def _metric(name: str | None, value: float | None) -> dict[str, Any] | None:
    return None if name is None or value is None else {"name": name, "value": value}


_RUN = (
    "run_id",
    "state",
    "metric_name",
    "metric_value",
    "started_at",
    "cause",
    "waiting",
    "overrides",
    "run_dir",
)


def run_entries(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows of `jobs` as group.json shows them."""
    return [_run_entry(*values) for values in _columns(rows, _RUN)]


def _run_entry(
    run_id: str,
    state: str,
    name: str | None,
    value: float | None,
    started_at: str | None,
    cause: str | None,
    waiting: str | None,
    overrides: str,
    run_dir: str,
) -> dict[str, Any]:
    has_result = state in _ENDED and started_at is not None and cause != Cause.FOLDER_MISSING.value
    return {
        "run_id": run_id,
        "status": state if waiting is None else "queued",
        "request_overrides": light_json.loads(overrides),
        "result_ref": f"{run_dir}/result.json" if has_result else None,
        "primary_metric": _metric(name, value),
        "diverged": name is not None and value is None,
    }


def daemon_document(
    row: DaemonRow,
    *,
    heartbeat: str,
    jobs: int,
    gpu_jobs: int,
    state: str,
    gpu_problem: str | None,
    devices: Sequence[dict[str, Any]] = (),
    reserved: dict[str, Any] | None = None,
    backend_problem: str | None = None,
    backend_note: str | None = None,
    nodes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return daemon.json."""
    return {
        "version": 1,
        "pid": row.pid,
        "started_at": row.started_at,
        "last_heartbeat": heartbeat,
        "max_parallel": row.max_parallel,
        "gpu_slots": row.gpu_slots,
        "active_jobs": jobs,
        "active_gpu_jobs": gpu_jobs,
        "gpu_problem": gpu_problem,
        "gpus": list(devices),
        "gpus_reserved": reserved,
        "backend": row.backend,
        "backend_problem": backend_problem,
        "backend_note": backend_note,
        "nodes": nodes,
        "state": state,
    }
