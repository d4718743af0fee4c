"""The commands that show the queue. Each imports only what it needs: `queue-status` must be quick."""

from __future__ import annotations

from runforge import clock
from runforge.cli.options import find
from runforge.errors import InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def _use(*, utc: bool) -> None:
    if utc:
        clock.use_utc()


def queue_status(workspace: Path | None, as_json: bool, utc: bool, watch: bool) -> int:
    """Print the queue's status, once or after each change."""
    from runforge.cli import status

    _use(utc=utc)
    here = find(workspace)
    if watch:
        return status.watch(here, as_json=as_json)
    status.show(here, as_json=as_json)
    return 0


def groups(workspace: Path | None, as_json: bool) -> int:
    """Print the groups."""
    from runforge.cli import listing

    return listing.groups(find(workspace), as_json=as_json)


def jobs(
    targets: list[str],
    where: str | None,
    workspace: Path | None,
    group: str | None,
    state: str | None,
    tag: str | None,
    limit: int | None,
    as_json: bool,
    utc: bool,
) -> int:
    """Print the selected jobs; without an option the newest."""
    from runforge.cli import listing

    _use(utc=utc)
    here = find(workspace)
    which = listing.Which(group, state, tag, limit)
    if targets or where is not None:
        return listing.chosen(here, targets, where, which, as_json=as_json)
    return listing.jobs(here, which, as_json=as_json)


def show(
    targets: list[str],
    where: str | None,
    workspace: Path | None,
    env: bool,
    code: bool,
    diff: bool,
    as_json: bool,
    utc: bool,
) -> int:
    """Print all about each run."""
    from runforge.cli import listing, one_run

    _use(utc=utc)
    here = find(workspace)
    names = listing.run_names(here, targets, where)
    if not (env or code or diff):
        return one_run.show(here, names, as_json=as_json)
    option = "--diff" if diff else "--code" if code else "--env"
    if len(names) > 1:
        raise InvalidRequest(f"{option} takes one run, not {len(names)}", fix="Give one number or id")
    if env and (code or diff):
        raise InvalidRequest(f"--env and {option} are two questions", fix="Give one of them")
    if code or diff:
        from runforge.cli import show_code

        return (
            show_code.diff_to_now(here, names[0]) if diff else show_code.show(here, names[0], as_json=as_json)
        )
    return one_run.environment(here, names[0], as_json=as_json)
