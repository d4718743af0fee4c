"""`runforge submit`: any command into the queue. Standard output is the id alone; remarks go to standard error."""

from __future__ import annotations

import sys

from runforge.cli import config, submit_code
from runforge.cli.options import find
from runforge.cli.submit_defaults import with_defaults
from runforge.cli.submit_given import LISTS, Given
from runforge.cli.submit_order import order_of
from runforge.documents import placeholders
from runforge.errors import CanceledByUser, OperationFailed, RunForgeError
from runforge.later import module
from runforge.paths import Path
from runforge.queue import environment_words, ordering, submitting
from runforge.store import daemon_holder
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli import output
    from runforge.workspace import Workspace
else:
    output = module("runforge.cli.output")


def submit(
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
    group: str | None,
    priority: int,
    max_parallel: int | None,
    breaker: str | None,
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
    sweep: list[str],
    zipped: list[str],
    rows: Path | None,
    random: int | None,
    tpe: int | None,
    seed: int | None,
    repeat: int,
    stop: str | None,
    keep_artifacts: int | None,
    allow_duplicates: bool,
    params: str | None,
    metric: str | None,
    metrics: str | None,
    notify: str | None,
    snapshot: bool,
    no_snapshot: bool,
    request: Path | None,
    max_runs: int,
    wait: bool,
    follow: bool,
    start: bool,
    dry_run: bool,
    as_json: bool,
    workspace: Path | None,
    command: list[str],
) -> int:
    """Queue a command or a sweep of it, and print the id of its run or group."""
    given: dict[str, Any] = locals()
    return _submit(Given(**given | {name: given[name] or [] for name in LISTS}))


def _submit(given: Given) -> int:
    here = find(given.workspace)
    settings = config.load(here)
    for warning in settings.warnings:
        output.note(f"Warning: {warning}")
    order = order_of(*with_defaults(given, settings))
    prepared = ordering.prepare(order)
    _require_programs(order, prepared)
    _require_room(prepared, here)
    if given.dry_run:
        from runforge.cli import submit_told

        submitting.check_names(here, order)
        return submit_told.dry_run(order, prepared, as_json=given.as_json)
    here.prepare()
    is_usual = settings["submit.snapshot"] and not given.no_snapshot
    asked, order = order, submit_code.with_code(here, order, is_asked=given.snapshot, is_usual=is_usual)
    if order.request is not asked.request:  # they start in a folder of their own
        prepared = ordering.prepare(order)
    made = submitting.submit(here, order, prepared)
    failed = _start_daemon(here) if given.start else None
    from runforge.cli import submit_told  # what it takes to tell of the runs does not keep them waiting

    estimate = None
    try:
        estimate = submit_told.remarks(here, order, prepared, made)
    finally:  # whatever happens, the caller gets to know what is queued
        if given.as_json:
            output.print_json("submit", submit_told.document(here, order, made, estimate))
        else:
            print(made.group_id if order.sweep is not None else made.run_ids[0])
        sys.stdout.flush()
    if failed is not None:
        raise failed
    if given.wait or given.follow:
        return _stay(here, made, is_sweep=order.sweep is not None, follow=given.follow)
    return 0


def _require_programs(order: ordering.Order, prepared: ordering.Prepared) -> None:
    """Refuse a program that a run would not find in its environment; what the daemon's has is not known here."""
    if order.environment is None:
        return
    seen = set()
    for _, request in prepared.shown:
        program = placeholders.filled(request)[0] if request.command else ""
        if program not in seen:
            seen.add(program)
            folder = Path(request.folder or os.getcwd())
            environment_words.require_program(request, order.environment.variables, folder)


def _require_room(prepared: ordering.Prepared, here: Workspace) -> None:
    """Refuse a run that this machine can never start. Its GPUs the daemon tells; one that is lost may come back."""
    every = {run.request.needs for run in prepared.shown}
    asking = [needs for needs in every if needs.vram_mb or needs.mem_mb or needs.cpus > 1]
    if not asking:
        return
    from runforge.views.daemon_status import is_in_cluster

    if is_in_cluster(here):
        return  # Slurm knows what its nodes have
    for needs in asking:
        if needs.vram_mb:
            from runforge.views.free import devices_told

            sizes = [device.memory_mb for device in devices_told(here) if device.memory_mb]
            if sizes and max(sizes) < needs.vram_mb:
                words = (
                    f"it asks for {needs.vram_mb} MB of a GPU, and the largest one here has {max(sizes)} MB"
                )
                raise OperationFailed(f"the run could never start: {words}", fix="Ask for less")
        if needs.cpus > 1 or needs.mem_mb:
            from runforge.core.scheduling import Machine, why_never
            from runforge.machine import size

            why = why_never(needs, Machine(size.cpus(), size.mem_mb() or None))
            if why is not None:
                raise OperationFailed(f"the run could never start: {why}", fix="Ask for less")


def _start_daemon(here: Workspace) -> RunForgeError | None:
    """Start a daemon if none lives; return why it does not start, to be told after the id."""
    from runforge.daemon.detach import start

    if daemon_holder.holder(here) is not None:
        return None
    try:
        pid = start(here)
    except RunForgeError as error:
        return error if daemon_holder.holder(here) is None else None  # another process has started one
    output.note(f"Daemon is up, pid {pid}; it logs to {here.daemon_log}")
    return None


def _stay(here: Workspace, made: submitting.Submitted, *, is_sweep: bool, follow: bool) -> int:
    """Wait for the end, perhaps with the log; Ctrl-C leaves the runs alone."""
    from contextlib import redirect_stdout, suppress

    from runforge.cli import follow as following
    from runforge.cli.submit_told import NoLog

    name = str(made.group_id) if is_sweep else made.run_ids[0]
    try:
        if follow:
            with suppress(NoLog):
                following.logs([name], None, here.root, follow=True, lines=None, attempt=None)
        with redirect_stdout(sys.stderr):  # standard output is the id, and the log
            return following.wait([name], None, here.root, every=False, timeout=None, as_json=False)
    except KeyboardInterrupt:
        goes_on = "they go on" if is_sweep else "the run goes on"
        raise CanceledByUser(
            f"no longer waiting; {goes_on}", fix=f"`runforge cancel {name}` cancels it"
        ) from None
