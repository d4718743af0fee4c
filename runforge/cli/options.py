"""Options that several commands share, and shell completion of ids."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from runforge import workspace as workspaces
from runforge.core.states import State
from runforge.errors import InvalidRequest
from runforge.workspace import Workspace

#: More than this is a slip of the finger; the journal's integers end a little later.
MOST = 1_000_000
_LONGEST = 3650 * 86400.0


def _ids(what: str, context: typer.Context, incomplete: str) -> list[str]:
    from runforge.cli import completion

    return completion.ids(what, incomplete, context.params.get("workspace"))


def complete_group(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the groups that begin with what was typed."""
    return _ids("group", ctx, incomplete)


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the runs that begin with what was typed."""
    return _ids("run", ctx, incomplete)


def complete_either(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return groups and runs that begin with what was typed."""
    return _ids("either", ctx, incomplete)


def complete_state(incomplete: str) -> list[str]:
    """Return the states that begin with what was typed."""
    return [state.value for state in State if state.value.startswith(incomplete)]


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        show_default=False,
        help="The workspace; else $RUNFORGE_WORKSPACE, else the nearest folder upwards with .runforge.",
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        show_default=False,
        help="Local folder for journal and locks, where the workspace is on a network file system.",
    ),
]
GroupOption = Annotated[
    str,
    typer.Option(
        "--group-id",
        "-g",
        autocompletion=complete_group,
        help="The group: id, unique beginning, name, or @last.",
    ),
]
RunArgument = Annotated[
    str, typer.Argument(autocompletion=complete_run, help="The run: id, unique beginning, or @last.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON (docs/usage.md).")]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Validate everything and go all the way, but touch no model."),
]
DryRunSecondsOption = Annotated[
    float,
    typer.Option("--dry-run-seconds", min=0.0, help="A dry run holds its slot this long."),
]
MaxRunsOption = Annotated[
    int, typer.Option("--max-runs", min=1, help="Refuse sweeps with more runs than this.")
]


def find(workspace: Path | None, state_dir: Path | None = None) -> Workspace:
    """Return the workspace that the options mean."""
    return workspaces.find(workspace, state_dir=state_dir)


def checked_seconds(option: str, seconds: float) -> float:
    """Return the seconds of an option; InvalidRequest for infinity and what is no number."""
    if not math.isfinite(seconds) or seconds > _LONGEST:
        raise InvalidRequest(f"{option} {seconds:g} is not possible", fix="At most ten years are")
    return seconds


def dry_run_seconds(dry_run: bool, seconds: float) -> float | None:
    """Return how long a dry run holds its slot; None for a real run."""
    checked_seconds("--dry-run-seconds", seconds)
    return seconds if dry_run or seconds > 0 else None
