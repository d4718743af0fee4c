"""How much of a GPU a run will use: what runs of the same recipe have used.

It counts the highest peak of the last ten that succeeded, and a tenth more. They must have had the same swept values,
but for seeds. With fewer than two of them the run gets whole devices.
"""

from __future__ import annotations

from runforge import light_json
from runforge.core.resources import Resources
from runforge.later import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.core.records import Job
    from runforge.store.journal import Transaction

#: So many runs count, and so many must there be.
NEWEST = 10
LEAST = 2
#: So many runs of the recipe are looked through.
_LOOKED_AT = 500
_SEED = pattern(r"(?i)(?:.*[._])?(?:seed|random_state|repeat)")


def needs(tx: Transaction, wanted: Resources, recipe: str | None, overrides: str) -> Resources:
    """Return what a run needs, with the memory that was learned; 0 MB, whole devices, if too little is known."""
    return wanted._replace(vram_mb=0 if recipe is None else peak_mb(tx, recipe, overrides))


def peak_mb(tx: Transaction, recipe: str, overrides: str) -> int:
    """Return the memory for each device; 0 if too few runs are known."""
    same = _without_seeds(overrides)
    peaks: list[float] = []
    for row in tx.rows("attempts.peaks_of_recipe", recipe=recipe, limit=_LOOKED_AT):
        seen = [float(mb) for mb in light_json.loads(row["peak_vram"]).values()]
        if seen and _without_seeds(row["overrides"]) == same:
            peaks.append(max(seen))
        if len(peaks) == NEWEST:
            break
    return 0 if len(peaks) < LEAST else int(-(-max(peaks) * 11 // 10))


def apply(tx: Transaction, job: Job, now: str) -> None:
    """Give the waiting runs of a job's recipe what they will use, once it has succeeded and its use is known."""
    if job.recipe is None:
        return
    found: dict[str, int] = {}
    for row in tx.rows("jobs.learning", recipe=job.recipe):
        key = light_json.dumps(_without_seeds(row["overrides"]), sort_keys=True)
        if key not in found:
            found[key] = peak_mb(tx, job.recipe, row["overrides"])
        values = (
            Resources._make(row[name] for name in Resources._fields)._replace(vram_mb=found[key])._asdict()
        )
        shape = tx.row("jobs.shape_id", **values) or tx.row("jobs.new_shape", **values)
        tx.run("jobs.reshape", job_id=row["job_id"], shape_id=shape[0], now=now)


def _without_seeds(overrides: str) -> dict[str, Any]:
    return {name: value for name, value in light_json.loads(overrides).items() if not _SEED.fullmatch(name)}
