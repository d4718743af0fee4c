"""The commands that let running runs stand still, go on, and make room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runforge.cli import changes
from runforge.core.states import State

if TYPE_CHECKING:
    from pathlib import Path


def freeze(targets: list[str], where: str | None, yes: bool, workspace: Path | None, as_json: bool) -> int:
    """Stop the processes of running runs."""
    from runforge.queue import pauses

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Freeze")
    job_ids = changes.wanted(selection, lambda job: job.state is State.RUNNING and job.frozen_at is None)
    return changes.report(pauses.freeze(here, job_ids), as_json=as_json)


def thaw(targets: list[str], where: str | None, yes: bool, workspace: Path | None, as_json: bool) -> int:
    """Let frozen runs go on."""
    from runforge.queue import pauses

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Thaw")
    job_ids = changes.wanted(selection, lambda job: job.frozen_at is not None)
    return changes.report(pauses.thaw(here, job_ids), as_json=as_json)


def give_way(
    targets: list[str],
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    hold: bool,
    force: bool,
) -> int:
    """Ask running runs to save and end for now."""
    from runforge.queue import pauses

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Ask to yield")
    job_ids = changes.wanted(selection, lambda job: job.state is State.RUNNING)
    done = pauses.ask_to_yield(here, job_ids, is_held=hold, is_forced=force)
    return changes.report(done, as_json=as_json)
