"""Commands that start and stop the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from runforge.cli import output
from runforge.cli.options import MOST, StateDirOption, WorkspaceOption, checked_seconds, find
from runforge.errors import InvalidRequest


def daemon(
    workspace: WorkspaceOption = None,
    max_parallel: Annotated[int, typer.Option("--max-parallel", max=MOST, help="Runs at the same time.")] = 2,
    gpu_slots: Annotated[int, typer.Option("--gpu-slots", max=MOST, help="GPU runs at the same time.")] = 1,
    orphans: Annotated[
        str, typer.Option("--orphans", help="Runs whose end nobody saw: requeue, fail or cancel.")
    ] = "requeue",
    replace: Annotated[
        bool, typer.Option("--replace", help="Take over from a daemon that lives, by force if it hangs.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Go into the background once it is up.")
    ] = False,
    state_dir: StateDirOption = None,
) -> int:
    """Be the workspace's daemon: start what is queued, see it through, write it down."""
    here = find(workspace, state_dir)
    if detach:
        from runforge.daemon.detach import start

        pid = start(here, max_parallel=max_parallel, gpu_slots=gpu_slots, orphans=orphans, replace=replace)
        print(f"Daemon is up, pid {pid}; it logs to {here.daemon_log}")
        return 0
    from runforge.daemon.main import run_daemon

    return run_daemon(here, max_parallel=max_parallel, gpu_slots=gpu_slots, orphans=orphans, replace=replace)


def stop_daemon(
    seconds: Annotated[
        float | None, typer.Argument(min=0.0, metavar="[SECONDS]", help="With --drain: at most this long.")
    ] = None,
    workspace: WorkspaceOption = None,
    drain: Annotated[bool, typer.Option("--drain", help="Let running runs finish first.")] = False,
    cancel_running: Annotated[
        bool, typer.Option("--cancel-running", help="Stop the running runs too (TERM, 10 s, KILL).")
    ] = False,
) -> int:
    """Stop the daemon and wait until it is down. Running runs go on unless told otherwise."""
    if seconds is not None and not drain:
        raise InvalidRequest("SECONDS goes with --drain", fix="See `runforge stop-daemon --help`")
    if seconds is not None:
        checked_seconds("--drain", seconds)
    if drain and cancel_running:
        raise InvalidRequest("--drain and --cancel-running exclude each other", fix="Give one of them")
    from runforge.daemon.stop import stop
    from runforge.views import glance

    here = find(workspace)
    if not stop(here, drain_seconds=seconds, is_draining=drain, cancel_running=cancel_running):
        output.note("No daemon is running")
        return 0
    running = glance.queue_summary(here).counts["running"]
    suffix = f"; {running} runs go on, the next daemon adopts them" if running else ""
    print(f"Daemon stopped{suffix}")
    return 0
