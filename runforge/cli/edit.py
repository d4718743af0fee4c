"""`edit` changes queued runs and groups; `rerun` makes new runs from old ones, with the same options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runforge.cli import changes, edit_options, output
from runforge.core.states import State
from runforge.errors import InvalidRequest
from runforge.queue.changed import Changed
from runforge.queue.edit_group import ChangedGroups, GroupEdit, edit_groups
from runforge.queue.edit_wish import Edit

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.core.records import Job
    from runforge.store.targets import Selection
    from runforge.workspace import Workspace

_NO_GROUPS = ChangedGroups([], [])


def edit(
    targets: list[str] | None,
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    assign: list[str],
    unset: list[str],
    name: str | None,
    tag: list[str],
    notes: str | None,
    folder: Path | None,
    env: list[str],
    env_keep: list[str],
    env_from: Path | None,
    shell: bool,
    gpus: int | None,
    vram: str | None,
    gpu: list[str],
    cpus: int | None,
    mem: str | None,
    time: str | None,
    grace: str | None,
    stall: str | None,
    resumable: str | None,
    on_lost: str | None,
    retry: list[str],
    backoff: str | None,
    after: list[str],
    hold: bool,
    at: str | None,
    metric: str | None,
    metrics: str | None,
    notify: str | None,
    priority: int | None,
    max_parallel: int | None,
    breaker: str | None,
    stop: str | None,
    keep_artifacts: int | None,
    command: list[str],
) -> int:
    """Change runs and groups by options; without any, in an editor."""
    return _edit(edit_options.sorted_out(locals()))


def _edit(values: dict[str, Any]) -> int:
    from runforge.queue import edit as editing

    wishes = edit_options.read(values)
    here, selection = _choose(values, "Edit")
    if wishes == edit_options.NOTHING:
        from runforge.cli import editor

        return editor.edit(here, selection, as_json=values["as_json"])
    asked = _asked(selection, wishes)
    done = editing.edit(here, asked) if asked else Changed([], [])
    groups = _edit_groups(here, selection, wishes.of_group)
    same = [(group, "is so already") for group in groups.same]
    return changes.report(
        done,
        as_json=values["as_json"],
        groups=groups.changed,
        groups_skipped=same,
        groups_are="changed",
        before=selection.jobs,
    )


def rerun(
    targets: list[str] | None,
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    assign: list[str],
    unset: list[str],
    name: str | None,
    tag: list[str],
    notes: str | None,
    folder: Path | None,
    env: list[str],
    env_keep: list[str],
    env_from: Path | None,
    shell: bool,
    gpus: int | None,
    vram: str | None,
    gpu: list[str],
    cpus: int | None,
    mem: str | None,
    time: str | None,
    grace: str | None,
    stall: str | None,
    resumable: str | None,
    on_lost: str | None,
    retry: list[str],
    backoff: str | None,
    after: list[str],
    hold: bool,
    at: str | None,
    metric: str | None,
    metrics: str | None,
    notify: str | None,
    priority: int | None,
    group: str | None,
    code: str | None,
    command: list[str],
) -> int:
    """Make a new run from each, and print the new ones."""
    return _rerun(edit_options.sorted_out(locals()))


def _rerun(values: dict[str, Any]) -> int:
    from runforge.queue import rerun as rerunning

    wishes = edit_options.read(values)
    here, selection = _choose(values, "Run again")
    if not selection.jobs:
        raise InvalidRequest("nothing matches", fix="`runforge jobs` lists the runs")
    named = {job.job_id: wishes.of_run for job in selection.jobs}
    made = rerunning.rerun(here, named, values["group"], code=edit_options.code_of(values["code"]))
    if values["as_json"]:
        changes.print_json(Changed(made, []))
        return 0
    for job in made:
        print(job.run_id)
    numbers = f"{made[0].seq}" if len(made) == 1 else f"{made[0].seq}-{made[-1].seq}"
    output.note(f"{len(made)} new run{'' if len(made) == 1 else 's'}, {numbers}")
    return 0


def _choose(values: dict[str, Any], wish: str) -> tuple[Workspace, Selection]:
    return changes.choose(
        values["workspace"], values["targets"], values["where"], yes=values["yes"], wish=wish
    )


def _asked(selection: Selection, wishes: edit_options.Wishes) -> dict[str, Edit]:
    """Return the edit of each run: a group's runs get only what does not mean the group itself."""
    found: dict[str, Edit] = {}
    members = [job for job in selection.jobs if selection.groups and job.job_id not in selection.named]
    others = {job.job_id for job in members}
    if wishes.of_member != Edit():
        ready = [job for job in members if _is_meant(job, wishes.of_member)]
        found |= {job.job_id: wishes.of_member for job in ready or members}
    if wishes.of_run != Edit():
        found |= {job.job_id: wishes.of_run for job in selection.jobs if job.job_id not in others}
    if not selection.groups and wishes.of_group.run_limit is not None:
        raise InvalidRequest("--max-parallel limits a group", fix="Name the group, or leave the option out")
    if not selection.groups and wishes.of_group.breaker is not None:
        raise InvalidRequest("--breaker guards a group", fix="Name the group, or leave the option out")
    if not selection.groups and (wishes.of_group.stop, wishes.of_group.keep) != (None, None):
        fix = "Name the group, or leave the option out"
        raise InvalidRequest("--stop and --keep-artifacts are about a sweep", fix=fix)
    return found


def _is_meant(job: Job, wish: Edit) -> bool:
    return job.state is State.QUEUED or wish.is_describing


def _edit_groups(here: Workspace, selection: Selection, wish: GroupEdit) -> ChangedGroups:
    if not selection.groups or wish == GroupEdit():
        return _NO_GROUPS
    return edit_groups(here, [group.group_id for group in selection.groups], wish)
