"""What must hold after a kill at a failpoint besides the invariants: files, trials, code, notices."""

from __future__ import annotations

import json

from gauntlets.failpoint_rig import KINDS, Rig
from runforge.notices import send


def of_files(here: Rig) -> list[str]:
    """Return what is wrong."""
    found = _mixed_files(here) + (_other_trials(here) if here.searches else [])
    if here.repository is not None:
        found += here.lacking_code()
    if here.has_hook:
        here.call(lambda: send.send(here.ws))
        events = ("failed", "group_done")
        found += [f"nobody was told: {event}" for event in events if not here.has_heard(event)]
    return found


def _other_trials(here: Rig) -> list[str]:
    """Return what is wrong with the trials of a search: each must be there once, in the order of the suggestions."""
    jobs = here.jobs()
    kinds = [json.loads(job.overrides)["model.hyperparameters.kind"] for job in jobs]
    if [job.trial_no for job in jobs] == list(range(len(KINDS))) and kinds == list(KINDS):
        return []
    return [f"the trials are {kinds}, numbered {[job.trial_no for job in jobs]}"]


def _mixed_files(here: Rig) -> list[str]:
    """Return the files of attempts that are in the place of another attempt's files."""
    found = []
    for job in here.jobs():
        run_dir = here.ws.root / job.run_dir
        for log in [run_dir / "logs.txt", *run_dir.glob("previous/*/logs.txt")]:
            if not log.exists():
                continue
            lines = [line for line in log.read_text().splitlines() if line.startswith("this is attempt ")]
            attempts = {line.rpartition(" ")[2] for line in lines}
            place = log.parent.name if log.parent != run_dir else str(job.attempt)
            if attempts - {place}:
                found.append(f"{log.relative_to(here.ws.root)} has the lines of attempts {sorted(attempts)}")
            if not (log.parent / "result.json").exists():
                found.append(f"{log.relative_to(here.ws.root)} has no result.json beside it")
    return found
