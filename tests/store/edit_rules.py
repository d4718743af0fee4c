"""The part of the stateful test that is about edits: of a job as it was seen, whatever has become of it since."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.store import edits
from tests.store.edge_rules import places
from tests.store.queue_model import NOW, ModelMachine

#: What an edit writes beside the digest of the request.
_COLUMNS = {
    "env_id": None,
    "retry_rules": "[]",
    "overrides": "{}",
    "recipe": None,
    "config_hash": None,
    "is_resumable": 0,
    "on_lost": None,
    "stall_seconds": None,
    "stall_kill": 0,
    "learns": 0,
}


class EditRules(ModelMachine):
    """Rules that show a job to somebody, and give it another request later."""

    @rule(place=places)
    def show(self, place: int) -> None:
        if (job_id := self.pick(place)) is not None:
            self.shown[job_id] = self.row(job_id)

    @rule(place=places, gpus=st.integers(0, 2))
    def edit_what_was_shown(self, place: int, gpus: int) -> None:
        known = sorted(self.shown.keys() & self.jobs.keys())
        if not known:
            return
        job_id = known[place % len(known)]
        seen, now = self.shown[job_id], self.jobs[job_id]
        allowed = now.state is State.QUEUED and now.version == seen.version
        self.made += 1
        sha = f"request-{self.made}"
        columns = {**_COLUMNS, "request_sha": sha}
        self.change(lambda tx: edits.exchange(tx, seen, Resources(gpus=gpus), columns, NOW), allowed=allowed)
        if allowed:
            self.jobs[job_id] = replace(now, version=now.version + 1, request_sha=sha, gpus=gpus)
