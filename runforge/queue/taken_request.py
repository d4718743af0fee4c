"""Takes over the request.json of an ended run that is queued again: a person may have changed it meanwhile.

Its digest, environment, resources and retry rules go into the journal, and the values that its sweep had given it follow.
"""

from __future__ import annotations

from runforge import light_json
from runforge.core import recipe, retrying
from runforge.documents import request_file
from runforge.errors import InvalidRequest, Missing
from runforge.store import edits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.core.records import Job
    from runforge.documents.request import Request
    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace


def take(workspace: Workspace, tx: Transaction, job: Job, now: str) -> None:
    """Let the journal know the request as it is in the file now.

    A file that cannot be read or used is not taken and not checked: the launch says what is wrong with it.
    """
    try:
        request, sha = request_file.read_of_run(workspace.root / job.run_dir, job.request_sha)
    except (Missing, InvalidRequest):
        tx.run("jobs.take_request", **_columns(job, None, None), job_id=job.job_id, now=now)
        return
    if sha != job.request_sha:
        tx.run("jobs.take_request", **_columns(job, request, sha), job_id=job.job_id, now=now)
        edits.set_needs(tx, job.job_id, request.needs, now)


def _columns(job: Job, request: Request | None, sha: str | None) -> dict[str, object]:
    if request is None:
        kept: dict[str, object] = {
            "env_id": job.env_id,
            "retry_rules": job.retry_rules,
            "overrides": job.overrides,
        }
        kept |= {"stall_seconds": job.stall_seconds, "stall_kill": job.stall_kill}
        kept |= {"is_resumable": int(job.is_resumable), "on_lost": job.on_lost}
        kept |= {"recipe": job.recipe, "config_hash": job.config_hash}
        return {"request_sha": sha, **kept}
    overrides = followed(light_json.loads(job.overrides), request.raw)
    return {
        "request_sha": sha,
        "env_id": request.env_id,
        "retry_rules": retrying.to_json(request.retry),
        "stall_seconds": request.stall_seconds,
        "stall_kill": int(request.stall_kill),
        "overrides": light_json.dumps(overrides),
        "recipe": recipe.recipe(request.raw, overrides),
        "config_hash": recipe.config_hash(request.raw),
        "is_resumable": int(request.resuming.is_resumable),
        "on_lost": request.resuming.on_lost,
    }


def followed(overrides: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the values that stand in the request at the paths of the overrides; null if nothing does."""
    return {path: _at(document, path) for path in overrides}


def _at(document: dict[str, Any], path: str) -> Any:
    place: Any = document
    for name in path.split("."):
        if not isinstance(place, dict) or name not in place:
            return None
        place = place[name]
    return place
