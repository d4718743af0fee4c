"""Commands that start and stop the daemon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runforge.cli import output
from runforge.cli.options import checked_seconds, find
from runforge.cli.parameters import MOST
from runforge.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.daemon.slurm import Options
    from runforge.workspace import Workspace

#: Where runs can run.
BACKENDS = ("local", "slurm")


def daemon(
    workspace: Path | None,
    max_parallel: int,
    gpu_slots: str,
    devices: str | None,
    orphans: str,
    backend: str | None,
    ahead: int | None,
    slurm: str | None,
    replace: bool,
    detach: bool,
    state_dir: Path | None,
) -> int:
    """Run a daemon here, or start one in the background and return when it is ready."""
    here = find(workspace, state_dir)
    slots = _gpu_slots(gpu_slots)
    how: dict[str, Any] = {"gpu_slots": slots, "devices": devices, "orphans": orphans, "replace": replace}
    chosen = _slurm(here, backend, ahead, slurm)
    if detach:
        from runforge.daemon.detach import start

        more = ["--backend", "local"] if chosen is None else ["--backend", "slurm"]
        more += [] if ahead is None else ["--ahead", str(ahead)]
        more += [] if slurm is None else [f"--slurm={slurm}"]
        pid = start(here, max_parallel=max_parallel, more=more, **how)
        print(f"Daemon is up, pid {pid}; it logs to {here.daemon_log}")
        return 0
    from runforge.daemon.main import run_daemon

    return run_daemon(here, max_parallel=max_parallel, slurm=chosen, **how)


def _gpu_slots(text: str) -> int | None:
    """Return the number of GPU slots; None for one for each device."""
    if text == "auto":
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,7}", text) else MOST + 1
    if number > MOST:
        raise InvalidRequest(f"--gpu-slots {text[:40]!r} is no number", fix=f"Give auto, or 0 to {MOST}")
    return number


def _slurm(here: Workspace, backend: str | None, ahead: int | None, words: str | None) -> Options | None:
    """Return how the daemon is to work with Slurm; None for runs on this machine."""
    from runforge import config

    settings = config.load(here)
    chosen = backend or settings["daemon.backend"]
    if chosen not in BACKENDS:
        raise InvalidRequest(f"--backend {chosen[:40]!r} is unknown", fix=f"Use one of {', '.join(BACKENDS)}")
    if chosen == "local":
        if ahead is not None or words is not None:
            raise InvalidRequest("--ahead and --slurm need --backend slurm", fix="Add it, or leave them out")
        return None
    from runforge.daemon.slurm import options

    return options(settings, words, ahead)


def stop_daemon(seconds: float | None, workspace: Path | None, drain: bool, cancel_running: bool) -> int:
    """Stop the daemon, and say how many runs still run."""
    if seconds is not None and not drain:
        raise InvalidRequest("SECONDS needs --drain", fix="See `runforge stop-daemon --help`")
    if seconds is not None:
        checked_seconds("--drain", seconds)
    if drain and cancel_running:
        raise InvalidRequest("--drain and --cancel-running cannot be combined", fix="Give only one of them")
    from runforge.daemon.stop import stop
    from runforge.views import glance

    here = find(workspace)
    if not stop(here, drain_seconds=seconds, is_draining=drain, cancel_running=cancel_running):
        output.note("No daemon is running")
        return 0
    running = glance.queue_summary(here).counts["running"]
    suffix = f"; {running} runs continue, the next daemon adopts them" if running else ""
    print(f"Daemon stopped{suffix}")
    return 0
