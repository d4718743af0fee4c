"""`doctor`: checks whether everything is in order, and says what to do if it is not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runforge import __version__, cells
from runforge.cli import output
from runforge.cli.options import find
from runforge.errors import OperationFailed, RunForgeError
from runforge.machine import disk_space
from runforge.store import daemon_holder
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runforge.machine.gpus import Gpu, Gpus
    from runforge.queue.orphaned import Orphan
    from runforge.store.recovery.recover import Recovered

_LOW_DISK = 2**30
_LARGE_WAL = 64 * 2**20
_MOST_UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing: ok, warning or problem."""

    name: str
    status: str
    text: str


def doctor(workspace: Path | None, as_json: bool, recover: bool, notify: bool, slurm: bool) -> int:
    """Print the findings; 1 if one is a problem."""
    from runforge.cli import doctor_notices, doctor_slurm

    here = find(workspace)
    if recover:
        _recover(here)
    if notify or slurm:
        rows = [*(doctor_notices.test(here) if notify else ()), *(doctor_slurm.test(here) if slurm else ())]
        found = [Finding(*row) for row in rows]
    else:
        found = findings(here)
    is_well = all(finding.status != "problem" for finding in found)
    if as_json:
        output.print_json("doctor", {"ok": is_well, "findings": [asdict(f) for f in found]})
    else:
        for finding in found:
            mark = {"ok": "succeeded", "warning": "canceled", "problem": "failed"}[finding.status]
            print(
                output.coloured(f"{finding.status:<8}", mark),
                f"{finding.name:<12}",
                output.safe(finding.text),
            )
    return 0 if is_well else 1


def findings(here: Workspace) -> list[Finding]:
    """Check everything."""
    from runforge.cli import doctor_notices, doctor_slurm

    return [
        Finding("version", "ok", f"runforge {__version__}, Python {platform.python_version()}"),
        _sqlite(),
        _filesystem(here),
        _rights(here),
        _disk(here),
        *_gpus(here),
        _daemon(here),
        *_journal(here),
        *_unknown(here),
        *_leftovers(here),
        *(Finding(*row) for row in doctor_notices.look(here)),
        *(Finding(*row) for row in doctor_slurm.look(here)),
    ]


def backup(to: Path, workspace: Path | None) -> int:
    """Copy the journal into one file, and say how to go back to it."""
    from runforge.store.backup import copy
    from runforge.store.opening import open_journal

    here = find(workspace)
    if os.path.lexists(to):
        raise OperationFailed(f"{to} exists", fix="Give another name, or move it away")
    if not to.parent.is_dir():
        raise OperationFailed(f"{to.parent} is not a folder", fix="Create it first")
    with open_journal(here) as journal:
        try:
            copy(journal.connection, to)
        except OSError as error:
            raise OperationFailed(f"{to}: {error.strerror}", fix="Choose another folder") from None
        with journal.read() as tx:
            jobs = sum(count or 0 for count in tx.row("jobs.totals"))
    print(f"{output.safe(str(to))}: {jobs:,} jobs, {to.stat().st_size / 2**20:.1f} MiB")
    output.note(
        f"To go back to it: stop the daemon, delete {here.journal.name}-wal and {here.journal.name}-shm, put the file"
        f" in the place of {here.journal.name}"
    )
    return 0


def _recover(here: Workspace) -> None:
    """Recover the journal if it is damaged, and print what was recovered."""
    from runforge.daemon.lock import DaemonLock
    from runforge.store import traces
    from runforge.store.recovery import swap
    from runforge.store.recovery.recover import recover
    from runforge.store.writer_lock import writers_held_off

    here.prepare()
    lock = DaemonLock.take(here)  # no daemon is running, and none starts meanwhile
    try:
        with writers_held_off(here):
            kept = swap.finish(here)
            swap.clear(here)
        if kept is not None:
            output.note(
                f"The recovery that was interrupted is finished; the damaged journal is kept at {kept}"
            )
        if all(finding.status != "problem" for finding in _journal(here)):
            if kept is None:
                what = "The journal is in order" if here.journal.exists() else "There was no journal here"
                output.note(f"{what}; there is nothing to recover")
            return
        with writers_held_off(here):
            done = recover(here)
        traces.note(here)
    finally:
        lock.release()
    _tell(done)


def _tell(done: Recovered) -> None:
    output.note(
        f"Recovered {done.from_journal} jobs from the journal, {done.from_exports} from the exports, and "
        f"{done.groups} groups; {done.running} of the jobs were running, the next daemon finds out how they are"
    )
    if os.path.lexists(done.kept_at):
        output.note(f"The damaged journal is kept at {done.kept_at}")
    for run_id in done.unknown_runs[:_MOST_UNKNOWN]:
        output.note(
            f"Run folder {run_id} is not in the queue; `runforge enqueue-run --run-id {run_id}` queues it"
        )
    if len(done.unknown_runs) > _MOST_UNKNOWN:
        output.note(f"... and {len(done.unknown_runs) - _MOST_UNKNOWN} more such folders")


def _sqlite() -> Finding:
    from runforge.store import sqlite

    version = ".".join(map(str, sqlite.VERSION))
    text = f"SQLite {version} ({sqlite.sqlite.__name__})"
    utils = sys.modules.get("sqlite_utils.utils")
    if utils is not None and utils.sqlite3.Connection is not sqlite.sqlite.Connection:
        return Finding("sqlite", "problem", f"{text}; sqlite-utils uses another SQLite library")
    if sqlite.is_fixed():
        return Finding("sqlite", "ok", text)
    return Finding(
        "sqlite",
        "warning",
        f"{text} has the WAL-reset bug; RunForge's checkpoint rule avoids it, other programs may not",
    )


def _filesystem(here: Workspace) -> Finding:
    from runforge.store.filesystems import filesystem_of, is_network

    kind = filesystem_of(here.state_dir)
    if is_network(kind):
        return Finding("file system", "problem", f"{here.state_dir} is on {kind}; give --state-dir")
    return Finding("file system", "ok", f"{here.state_dir} is on {kind}")


def _rights(here: Workspace) -> Finding:
    if not here.hidden.is_dir():
        return Finding("rights", "ok", "nothing there yet")
    if disk_space.is_read_only(here.hidden):
        return Finding("rights", "problem", f"{here.hidden} is on a read-only file system: look at `dmesg`")
    if not os.access(here.hidden, os.W_OK | os.X_OK):
        return Finding("rights", "problem", f"{here.hidden} cannot be written: it needs `chmod u+wx`")
    if here.journal.exists() and here.journal.stat().st_mode & 0o077:
        return Finding("rights", "problem", f"others may read {here.journal}: `chmod 600` it")
    return Finding("rights", "ok", f"{here.hidden} is yours")


def _disk(here: Workspace) -> Finding:
    lacking = disk_space.shortage(here)
    if lacking is not None:
        return Finding("disk", "warning", f"{lacking.text}; nothing is launched")
    free = shutil.disk_usage(here.root).free
    status = "warning" if free < _LOW_DISK else "ok"
    return Finding("disk", status, f"{free / 2**30:.1f} GiB free")


def _gpus(here: Workspace) -> list[Finding]:
    """Return what this process sees of the GPUs; and a live daemon, whose environment may be another."""
    from runforge.machine.gpu_look import Looker
    from runforge.views.daemon_status import gpu_problem

    looker = Looker()
    seen = looker.look()
    if not all(each.is_known for each in seen.seen):
        seen = looker.look()  # a number that names no process at two looks is not this machine's
    if seen.problem is not None:
        found = [Finding("gpus", "problem", f"{seen.problem}; runs that need a GPU wait")]
    else:
        found = [Finding("gpus", "ok", "; ".join(map(_gpu, seen.usable)) or f"none ({seen.absence})")]
        found += [Finding("gpus", "warning", str(refused)) for refused in seen.refused]
    found += [Finding("gpus", "warning", remark) for remark in seen.remarks]
    found += [Finding("gpus", "warning", text) for text in _doubts(seen)]
    told = gpu_problem(here)
    if told is not None and told != seen.problem:
        found.append(Finding("gpus", "problem", f"the daemon cannot use them: {told}"))
    return found


def _doubts(found: Gpus) -> Iterator[str]:
    """Yield what cannot be known of the GPUs here, and what keeps their locks from protecting them."""
    from runforge.machine import gpu_lease

    if not all(seen.has_pids for seen in found.seen):
        yield (
            "NVIDIA's driver does not tell this machine's pids (is this a container?): memory alone decides which GPU is"
            " free"
        )
    for gpu, seen in zip(found.usable, found.seen, strict=False):
        if seen.total_mb and not seen.is_known:
            yield f"GPU {gpu.index}: it is not certain whose memory is on it; runs do not share it"
        if (why := gpu_lease.trouble(gpu.uuid)) is not None:
            yield f"GPU {gpu.index}: {why}; other queues may take it at the same moment"


def _gpu(gpu: Gpu) -> str:
    memory = f"{gpu.memory_mb} MiB" if gpu.memory_mb else "memory unknown"
    return f"{gpu.index}: {gpu.name}, {memory}"


def _daemon(here: Workspace) -> Finding:
    holder = daemon_holder.holder(here)
    if holder is None:
        return Finding("daemon", "ok", "no daemon is running")
    state = daemon_holder.process_state(holder.pid)
    if state == "T":
        return Finding("daemon", "problem", f"pid {holder.pid} is stopped: `kill -CONT {holder.pid}`")
    return Finding("daemon", "ok", f"pid {holder.pid} holds the lock (state {state})")


def _unknown(here: Workspace) -> list[Finding]:
    """Return a warning about runs that are newer than the journal, and one about folders of killed commands."""
    from runforge.cli.removing import orphans
    from runforge.store import verify

    try:
        unknown, found = verify.unknown_runs(here), orphans(here)[0]
    except (RunForgeError, OSError):
        return []  # reported as a problem of the journal
    orphaned = {orphan.path.name for orphan in found}
    newer = [run_id for run_id in unknown if run_id not in orphaned]
    return [*([_newer(newer)] if newer else []), *([_orphaned(found)] if found else [])]


def _newer(runs: list[str]) -> Finding:
    shown = ", ".join(runs[:_MOST_UNKNOWN]) + (", ..." if len(runs) > _MOST_UNKNOWN else "")
    what = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    text = (
        f"{what} unknown to the journal, which is older: {shown}. Was its -wal deleted, or a backup put in its place?"
        f" `runforge enqueue-run --run-id ID` enqueues one again"
    )
    return Finding("runs", "warning", text)


def _orphaned(found: list[Orphan]) -> Finding:
    size = cells.size(sum(orphan.bytes for orphan in found))
    files = "folder" if len(found) == 1 else "folders and files"
    what = f"{len(found):,} {files} that no job knows ({size}), for example {found[0].path}"
    return Finding("orphaned", "warning", f"{what}; `runforge prune --orphaned` shows and deletes them")


def _leftovers(here: Workspace) -> list[Finding]:
    """Remove half-written files of killed processes, and say so."""
    from runforge.store import leftovers

    removed = leftovers.remove_old(here)
    if not removed:
        return []
    what = "1 temporary file" if removed == 1 else f"{removed:,} temporary files"
    return [Finding("leftovers", "ok", f"removed {what} of killed processes")]


def _wal(here: Workspace) -> list[Finding]:
    """Return a warning if a reader keeps the -wal file from shrinking."""
    path = here.journal.with_name(f"{here.journal.name}-wal")
    size = path.stat().st_size if path.exists() else 0
    if size < _LARGE_WAL:
        return []
    text = f"{path} has {size / 2**20:.0f} MiB: some program holds an old snapshot; `lsof {here.journal}` names it"
    return [Finding("wal", "warning", text)]


def _journal(here: Workspace) -> list[Finding]:
    from runforge.cli.progress import Progress
    from runforge.exports import exporter
    from runforge.store import verify

    stale: list[str] = []

    def compare_exports() -> None:
        with Progress("exports", "groups") as progress:
            stale.extend(exporter.check(here, progress))

    try:
        with Progress("journal", "jobs") as progress:
            problems = verify.check(here, progress, then=compare_exports)
    except RunForgeError as error:
        return [Finding("journal", "problem", str(error))]
    found = [Finding("journal", "problem", text) for text in problems[:20]]
    found = found or [Finding("journal", "ok", "replaying it gives its tables")]
    found += _wal(here)
    if not stale:
        return [*found, Finding("exports", "ok", "they agree with the journal")]
    # A running daemon rewrites them within a second; without one the next command does.
    status = "warning" if daemon_holder.holder(here) is None else "ok"
    return found + [Finding("exports", status, f"behind: {text}") for text in stale[:5]]
