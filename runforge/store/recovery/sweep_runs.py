"""Restores what a damaged journal knew of a run's part in its sweep: what it computes, its trial, why it was stopped.

Without the digest of what it computes a sweep would make the run again.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from runforge.core.recipe import config_hash, recipe
from runforge.core.states import Cause
from runforge.core.study import RANDOM, TPE
from runforge.store.recovery.from_exports import document
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace


def complete(workspace: Workspace, tables: dict[str, list[Row]]) -> None:
    """Give the jobs without them their digests, trials and reasons, as far as a source has them."""
    reasons = {
        (entry["job_id"], entry["attempt"]): entry["detail"]
        for entry in tables["journal"]
        if entry["event"] == "stop_decided"
    }
    for job in tables["jobs"]:
        if job.get("config_hash") is None:
            _add_digests(job, document(workspace.root / job["run_dir"] / "request.json"))
        was_stopped = job["state"] == "running" or job["cause"] == Cause.STOPPED_EARLY.value
        if job.get("stop_reason") is None and was_stopped:
            job["stop_reason"] = reasons.get((job["job_id"], job["attempt"]))
    for study in tables["sweeps"]:
        if study["method"] in {RANDOM, TPE}:
            _number_trials(study, [job for job in tables["jobs"] if job["group_id"] == study["group_id"]])


def _add_digests(job: Row, request: dict[str, Any]) -> None:
    if not request:
        return
    with contextlib.suppress(ValueError, TypeError):
        job["recipe"] = recipe(request, json.loads(job["overrides"] or "{}"))
        job["config_hash"] = config_hash(request)


def _number_trials(study: Row, jobs: list[Row]) -> None:
    """Give the numbers that nobody has to the jobs without one, if there are as many; trials are made in turn."""
    lost = sorted((job for job in jobs if job.get("trial_no") is None), key=lambda job: str(job["run_id"]))
    free = sorted(set(range(study["made"])) - {job.get("trial_no") for job in jobs})
    if len(lost) == len(free):
        for job, number in zip(lost, free, strict=True):
            job["trial_no"] = number
