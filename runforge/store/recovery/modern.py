"""Converts saved rows of any version, or from the exports, into rows of this version's tables."""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from runforge import clock
from runforge.core import resources
from runforge.core.resources import Resources
from runforge.store import records, replay
from runforge.store.recovery.salvage import Row

#: The shapes of every journal.
_FIRST = {1: Resources(), 2: Resources(gpus=1)}
#: The gates that may keep a queued job from starting, all open.
GATES: dict[str, Any] = {"held": 0, "blockers": 0, "delayed": 0, "not_before": None}

_DESCRIBING = frozenset({"enqueued", "described", "edited", "resumable_set", "yields_counted"})


def bring_up(tables: dict[str, list[Row]]) -> None:
    """Give every saved row the columns of this version: needs, gates, devices, descriptions."""
    known = {**_FIRST, **{row["shape_id"]: _needs(row) for row in tables.get("shapes", [])}}
    told = _needs_in_entries(tables["journal"])
    entries_of: dict[str, list[Row]] = defaultdict(list)
    for entry in tables["journal"]:
        if entry["event"] in _DESCRIBING:
            entries_of[entry["job_id"]].append(entry)
    for job in tables["jobs"]:
        needs = known.get(job.get("shape_id")) or told.get(job["job_id"]) or resources.from_json(job)
        job.update(needs._asdict())
        described = _described(entries_of.get(job["job_id"], ()))
        for name, usual in {**GATES, **replay.WISHES, **described}.items():
            job.setdefault(name, usual)
    for group in tables["groups"]:
        group.setdefault("is_open", 0)
        group.setdefault("run_limit", None)
    groups = {group["group_id"] for group in tables["groups"]}
    tables["sweeps"] = [row for row in tables.get("sweeps", []) if row["group_id"] in groups]
    _close_others(tables)
    for attempt in tables["attempts"]:
        uuid = attempt.get("gpu_uuid")
        attempt.setdefault("devices", json.dumps([uuid] if uuid else []))


def _needs(shape: Row) -> Resources:
    """Return the needs of a saved row of `shapes`; an older journal has no devices in it."""
    return records.needs({"pins": "", **shape})


def _close_others(tables: dict[str, list[Row]]) -> None:
    """Close the groups of which nobody knows any more how they go on."""
    known = {row["group_id"] for row in tables["sweeps"]}
    live = {job["group_id"] for job in tables["jobs"] if job["finished_at"] is None}
    for group in tables["groups"]:
        if group["is_open"] and group["group_id"] not in known:
            group["is_open"] = 0
            if group["group_id"] not in live:
                group["finished_at"] = group["finished_at"] or clock.now()


def _needs_in_entries(entries: list[Row]) -> dict[str, Resources]:
    """Return the needs of jobs from the entries, for jobs whose shape cannot be read."""
    found = {}
    for entry in entries:
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
            if entry["event"] == "enqueued":
                found[entry["job_id"]] = resources.from_json(json.loads(entry["detail"])["needs"])
            elif entry["event"] == "needs_set":
                found[entry["job_id"]] = resources.from_json(json.loads(entry["detail"]))
    return found


def _described(entries: Iterable[Row]) -> dict[str, Any]:
    """Return what the entries of a job say of it besides its moves, as the columns have it."""
    found = dict(replay.PLAIN)
    for entry in entries:
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            detail = json.loads(entry["detail"])
            found.update({name: detail[name] for name in found.keys() & detail.keys()})
    return {name: json.dumps(value) if isinstance(value, list) else value for name, value in found.items()}


def is_gated(job: Row) -> bool:
    """Return whether a job has a closed gate."""
    return any(job[name] != usual for name, usual in GATES.items())


def shapes(jobs: list[Row]) -> list[Row]:
    """Number the different needs and give each job its number; return the rows of `shapes`."""
    numbers = {needs: number for number, needs in _FIRST.items()}
    for job in jobs:
        needs = records.needs(job)
        job["shape_id"] = numbers.setdefault(needs, len(numbers) + 1)
    return [{"shape_id": number, **needs._asdict()} for needs, number in numbers.items()]


def grants(tables: dict[str, list[Row]]) -> list[Row]:
    """Return the GPU slots of the running jobs, with the devices that their attempts were given."""
    given = {(row["job_id"], row["attempt"]): json.loads(row["devices"]) for row in tables["attempts"]}
    held: list[tuple[str, str | None, int]] = []
    for job in tables["jobs"]:
        if job["state"] == "running":
            devices = given.get((job["job_id"], job["attempt"]), [])[: job["gpus"]]
            devices += [None] * (job["gpus"] - len(devices))
            held += [(job["job_id"], device, job["vram_mb"]) for device in devices]
    times = Counter(device for _, device, _ in held)
    return [
        {
            "slot_no": number,
            "job_id": job_id,
            "device": device,
            # Whole, unless it had named what it uses, or others are there too.
            "share_mb": vram_mb if device is not None and (vram_mb or times[device] > 1) else None,
        }
        for number, (job_id, device, vram_mb) in enumerate(held)
    ]
