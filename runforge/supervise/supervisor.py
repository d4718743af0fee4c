"""The supervisor: one small process that runs one attempt, also when daemon and zygote are gone.

lock -> exit record allocated -> start marker -> worker -> log pump -> leftovers killed -> result -> record.
It ignores TERM, INT and HUP. Only a cancel file or SIGKILL ends it before its run ends; on a node of a cluster TERM too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runforge import clock, failpoints
from runforge.attempts import checkpoints, exit_record, orders, refusal, start_marker
from runforge.attempts import spec as specs
from runforge.attempts.cleanup import TREE_LOCK
from runforge.attempts.spec import Spec
from runforge.core import exit_codes
from runforge.core.outcome import ExitRecord, ResultFacts
from runforge.files import durable, together
from runforge.machine import memory_kills, os_process
from runforge.metrics import jsonl, last_step
from runforge.metrics.kept_values import KeptValues
from runforge.supervise import attempt_lock, packages, worker_process
from runforge.supervise.leases import Leases
from runforge.supervise.log_pump import LogPump
from runforge.supervise.metric_files import MetricFiles
from runforge.supervise.ownership import Ownership
from runforge.supervise.use import Use
from runforge.supervise.waiting import Waiting
from runforge.supervise.wishes import Wishes
from runforge.supervise.workers import Workers

if TYPE_CHECKING:
    from runforge.supervise.node import Node

T = TypeVar("T")
#: Milliseconds between two looks at leftovers: short at first, when most of them end, then longer.
_LEFTOVER_MS = (5, 50)
#: Seconds between two tries to write an exit record that the disk refuses.
_RECORD_PAUSE = 0.5
#: A run that has ended waits at most this long for the list of its packages.
_NOTING_SECONDS = 0.5
#: The files of an attempt in the run folder.
_RESULT = "result.json"
_LEFT = ("logs.txt", "metrics.jsonl", "sources.jsonl", "artifacts", _RESULT)


def supervise(
    spec_path: Path, digest: str = "", workers: Workers | None = None, node: Node | None = None
) -> bool:
    """Run the attempt of a spec file to its end; return whether its exit record is written.

    `workers` may have kept the worker of the last run for this one; without them this process ends after this attempt.
    `node` is the machine of a cluster where this runs; None is the daemon's own machine.

    If not, the attempt belongs to another supervisor, or the daemon learns its end when this process ends.
    """
    with refusal.left(spec_path.parent):
        data = durable.read_bounded(spec_path, specs.LIMIT)
    if digest and hashlib.sha256(data).hexdigest() != digest:
        refusal.leave_forged(spec_path.parent)
        return False
    spec = specs.from_json(data)
    folder = spec.attempt_dir
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if node is None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:  # it may have had an attempt before: TERM is not ignored for a moment
        node.listen()
        spec = node.completed(spec)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(0o077)
    with refusal.left(folder):
        lock = attempt_lock.take(folder, may_lack=node is not None)
    if lock is None:
        return False
    failpoints.hit("supervisor.locked")
    os_process.become_subreaper()
    with refusal.left(folder):
        leases = Leases(spec)
        # Allocated before the start marker: a full disk then fails the launch, not a run that has started.
        record = exit_record.preallocate(folder) if node is None else exit_record.open_allocated(folder)
        failpoints.hit("supervisor.allocated")
        is_ours = start_marker.claim(folder, spec.token)
    if not is_ours:
        leases.end()
        return False
    failpoints.hit("claim.won")
    if node is not None:
        node.begin(record, spec.token)
    ownership = Ownership(folder, spec.token, lock)
    is_recorded = Supervisor(spec, ownership, record, leases, workers, node).run()
    if is_recorded:  # otherwise the lock ends with the process: a free lock means that nothing is alive
        os.close(lock)
    return is_recorded


class Supervisor:
    """One attempt, from its start to its exit record."""

    def __init__(
        self,
        spec: Spec,
        ownership: Ownership,
        record: int,
        leases: Leases,
        workers: Workers | None,
        node: Node | None,
    ) -> None:
        self._spec = spec
        self._folder = spec.attempt_dir
        self._ownership = ownership
        self._record = record
        self._leases = leases
        self._node = node
        self._workers = workers or Workers()
        # A process that has synced together takes longer to end: not worth it for one attempt.
        self._sync = durable.sync_one_by_one if workers is None else together.sync
        self._use = Use()
        self._status: int | None = None
        self._pid = -1
        self._refusal: int | None = None
        self._has_told = False
        self._kept = KeptValues(spec.run_dir / jsonl.NAME) if spec.is_command else None
        self._pump = LogPump(
            spec.run_dir,
            limit=spec.log_limit_bytes,
            reads_metrics=spec.is_command,
            echo=spec.echo,
            may_open=ownership.holds,
            appended=self._kept.appended if self._kept is not None else None,
        )
        self._wishes = Wishes(spec, self._pump.say, node)
        self._metric_files = MetricFiles(spec, ownership.holds) if spec.is_command else None

    def run(self) -> bool:
        """Start the worker, wait for its end and record it; return whether that worked."""
        started_at, start = clock.now(), time.monotonic()
        ooms = memory_kills.oom_kills()
        if not self._pump.open():
            return False
        error = None
        if not self._wishes.forbid_start():
            self._pump.say(self._spec.preamble)
            error = self._with_metric_files()
        ending = self._ending(error, started_at, start, ooms)
        self._pump.close()
        if self._node is not None:
            ending = self._node.explained(self._spec, ending)
        lines, result = self._finish(ending)
        self._pump.say(lines)
        has_result = self._sync_what_is_left(ending)
        failpoints.hit("exit.result_left")
        # What does not fit is read from its file, but a cluster's file may be seen late. A lost file is not vouched for.
        if has_result and result is not None and (self._node is not None or exit_record.keeps(result)):
            ending = ending._replace(result=result)
        self._leases.end()  # before the daemon learns that the devices are free
        is_recorded = self._write(ending)
        failpoints.hit("exit.recorded")
        self._pump.release()
        return is_recorded

    def _with_metric_files(self) -> str | None:
        """Do the work, and keep a list of the files in which its tools write metrics."""
        if self._metric_files is None:
            return self._work()
        self._metric_files.begin()
        error = self._work()
        self._metric_files.end()
        return error

    def _work(self) -> str | None:
        """Start the worker and wait for its end; return why it could not be started, if so."""
        try:
            tree = durable.open_file(self._folder / TREE_LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as failure:
            self._refusal = failure.errno
            return f"{TREE_LOCK} could not be made: {failure.strerror}"
        try:
            self._pid, pipe = self._workers.start(self._spec, tree)
        except OSError as failure:
            self._refusal = failure.errno
            return f"the run's process could not be created: {failure.strerror or failure}"
        except worker_process.NoProgram as failure:
            self._pump.say([f"[RunForge: could not be started: {failure}]"])
            return str(failure)
        finally:
            os.close(tree)
        failpoints.hit("worker.forked")
        noting = packages.begin(self._spec, self._workers.own)
        self._wishes.begin(self._pid)
        self._watch(pipe)
        failpoints.hit("worker.ended")
        self._end_leftovers(pipe)
        failpoints.hit("worker.swept")
        self._pump.drain(pipe)
        os.close(pipe)
        if noting is not None:
            noting.join(_NOTING_SECONDS)
        return None

    # --- while it runs -------------------------------------------------------------------------

    def _watch(self, pipe: int) -> None:
        """Copy the output and look for orders until the worker itself has ended."""
        # Few lines are in the pipe when a small fit ends: to be woken by each takes a tenth of its time.
        is_kept, is_here = self._workers.line is not None, self._node is None
        waiting = Waiting(self._folder, pipe, self._pid, is_patient=is_kept, is_here=is_here)
        with contextlib.closing(waiting):
            self._workers.watch(waiting.poller)
            due = time.monotonic() + waiting.longest
            while self._status is None:
                has_output, is_told = waiting.wait(due - time.monotonic())
                if has_output and not self._pump.pump(pipe):
                    waiting.leave_output()
                if (used := self._workers.heard()) is not None:  # it has ended its run well, and rests
                    self._use.add_part(used.peak_rss_mb, used.cpu_seconds)
                    self._status = 0
                self._reap()
                if self._status is None and (is_told or time.monotonic() >= due):
                    waiting.begin()
                    due = time.monotonic() + min(self._look(), waiting.longest)

    def _look(self) -> float:
        """Look for orders, and do what is due; return the seconds until something is due again."""
        self._wishes.step()
        wishes = [self._wishes.wait_seconds()]
        if self._metric_files is not None:
            self._metric_files.look()
            wishes.append(self._metric_files.wait_seconds())
        if self._kept is not None:
            self._kept.look()
            wishes.append(self._kept.wait_seconds())
        return min(wishes)

    def _reap(self) -> None:
        """Collect ended processes: the worker, and its orphans, which became our children."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            earlier = self._workers.collected(pid)
            if earlier is not None:
                self._use.add(used, earlier)
            if pid == self._pid and self._status is None:
                self._status = status

    def _end_leftovers(self, pipe: int) -> None:
        """End the processes that the worker left behind. As a subreaper we are the parent of all of them."""
        os.set_blocking(pipe, False)
        poller = select.poll()
        poller.register(pipe, select.POLLIN)
        pause, longest = _LEFTOVER_MS
        if self._wishes.has_acted:
            self._workers.dismiss()
        while True:
            self._reap()
            if not self._workers.others(os_process.children()):
                break
            self._workers.dismiss()
            self._wishes.end_leftovers()
            if poller.poll(pause) and not self._pump.pump(pipe):
                poller.unregister(pipe)
            pause = min(pause + 1, longest)
        if self._wishes.killed:
            self._pump.say([_killed(self._wishes.killed, self._spec.grace_seconds)])

    # --- at the end ----------------------------------------------------------------------------

    def _ending(self, error: str | None, started_at: str, start: float, ooms: int) -> ExitRecord:
        code, number = None, None
        if self._status is not None:
            if os.WIFSIGNALED(self._status):
                number = os.WTERMSIG(self._status)
            else:
                code = os.WEXITSTATUS(self._status)
        # A shell reports it by its exit code.
        is_killed = number == signal.SIGKILL or code == exit_codes.of_signal(signal.SIGKILL)
        return ExitRecord(
            token=self._spec.token,
            exit_code=code,
            signal=number,
            canceled=self._wishes.is_canceled,
            oom=is_killed and not self._wishes.is_ended_by_us and memory_kills.oom_kills() > ooms,
            spawn_error=error,
            started_at=started_at,
            finished_at=clock.now(),
            duration_ms=int((time.monotonic() - start) * 1000),
            log_bytes=self._pump.written,
            dropped_bytes=self._pump.dropped,
            spawn_errno=self._refusal,
            peak_rss_mb=self._use.peak_rss_mb,
            cpu_seconds=self._use.cpu_seconds,
            timed_out=self._wishes.timed_out,
            stalled=self._wishes.stalled,
            stopped=self._wishes.is_stopped,
            terminated=self._is_terminated(code, number),
            **(self._left_behind(code) if self._has_yielded(code) else {}),
        )

    def _is_terminated(self, code: int | None, number: int | None) -> bool:
        """Return whether the cluster has ended it."""
        if self._node is None or self._wishes.is_ended_by_us:
            return self._wishes.is_terminated
        return self._node.has_ended_it(code, number)

    def _has_yielded(self, code: int | None) -> bool:
        """Return whether the run has made room: it was asked to, or has left by itself."""
        return self._wishes.is_yielding or (
            code == exit_codes.LEFT and self._spec.is_resumable and not self._wishes.is_ended_by_us
        )

    def _left_behind(self, code: int | None) -> dict[str, Any]:
        """Return what is known about a run that has made room: whether it was at its end, and what it has saved."""
        run_dir = self._spec.run_dir
        is_own = not self._spec.is_command and code == 0  # the worker's exit code 0 comes after its result
        return {
            "yielded": True,
            "finished": is_own or self._pump.has_completed or orders.has_finished(self._folder),
            "checkpoint_changed": _if_known(
                lambda: checkpoints.changed_since(run_dir, os.fstat(self._record))
            ),
            "last_step": _if_known(lambda: last_step.of_run(run_dir)),
        }

    def _sync_what_is_left(self, ending: ExitRecord) -> bool:
        """Sync what the run has left: a power cut must not leave a run that has succeeded with an empty model.

        Return whether the disk took the result. If not, the daemon writes one as soon as that works.
        """
        run_dir = self._spec.run_dir
        names = (*_LEFT, *([checkpoints.FOLDER] if ending.yielded else []))
        refused = durable.sync_trees((run_dir / name for name in names), run_dir, sync=self._sync)
        is_taken = run_dir / _RESULT not in refused
        if not is_taken and self._ownership.holds():
            (run_dir / _RESULT).unlink(missing_ok=True)
        return is_taken

    def _finish(self, ending: ExitRecord) -> tuple[list[str], ResultFacts | None]:
        """Let the run's target write the result. A failure there must not lose the exit record."""
        if not self._spec.finish:
            return [], None
        try:
            finish = worker_process.resolve(self._spec.finish)
            kept = self._kept.finish() if self._kept is not None else None
            lines, result = finish(self._spec, ending, self._pump.rejected, self._ownership.holds, kept)
        except BaseException as error:  # noqa: BLE001 - a sys.exit in there too
            return [f"[RunForge: the result could not be written: {error!r}]"], None
        return list(lines), result

    def _write(self, ending: ExitRecord) -> bool:
        # Counted again: by now the log has its kept end and its last lines.
        counted = ending._replace(log_bytes=self._pump.written, dropped_bytes=self._pump.dropped)
        try:
            while not self._try_to_write(counted):
                if not self._ownership.holds():
                    return False
                time.sleep(_RECORD_PAUSE)
        finally:
            os.close(self._record)
        return True

    def _try_to_write(self, ending: ExitRecord) -> bool:
        """Write the record; False while the disk refuses it. A known end is never given up."""
        try:
            exit_record.write(self._record, ending)
        except OSError as error:
            if not self._has_told:
                self._pump.say([f"[RunForge: the exit record waits for the disk: {error.strerror}]"])
            self._has_told = True
            return self._try_to_write_beside(ending)
        return True

    def _try_to_write_beside(self, ending: ExitRecord) -> bool:
        """Write the record beside the folder: perhaps only the folder itself cannot be written."""
        try:
            exit_record.write_beside(self._folder, ending)
        except OSError:
            return False
        return True


def _if_known(look: Callable[[], T]) -> T | None:
    """Return what is found in a run's own files; None if they make trouble: the exit record must not be lost."""
    try:
        return look()
    except Exception:  # noqa: BLE001 - the run may have written anything
        return None


def _killed(count: int, grace_seconds: float) -> str:
    noun = "process" if count == 1 else "processes"
    return (
        f"[RunForge: {count} {noun} had not ended {grace_seconds:g} s after being asked to, and got SIGKILL]"
    )
