"""Attempts on this machine: launched by zygotes, run by supervisors, watched through kernel handles."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from runforge import clock as clocks
from runforge import failpoints, machine_faults
from runforge.attempts import cleanup, earlier_life, report, signs, start_marker, unkillable
from runforge.backends import acting
from runforge.backends.base import AttemptRef, Closing, Event, Launch, NoRunFolder, Order, Watch
from runforge.backends.local.frozen import FrozenSupervisors
from runforge.backends.local.launch_probe import probe
from runforge.backends.local.launcher import Launcher
from runforge.backends.local.watch import POLL_SECONDS, Watched, WatchList
from runforge.backends.local.zygote_client import Reply
from runforge.core.guards import Signs
from runforge.core.outcome import Ending, ExitRecord, Report
from runforge.core.records import Job
from runforge.files.durable import is_folder
from runforge.machine import disk_space, gpu_choice, gpu_lease, os_process
from runforge.machine.disk_space import Shortage
from runforge.machine.gpu_watch import GpuWatch
from runforge.machine.gpus import Gpus
from runforge.training import results
from runforge.workspace import Workspace


class LocalBackend:
    """The backend of one workspace on this machine (see `backends.base.Backend`)."""

    def __init__(
        self,
        workspace: Workspace,
        watch: Watch,
        *,
        max_parallel: int,
        umask: int,
        log: Callable[[str], None],
        devices: str | None = None,
    ) -> None:
        self._workspace = workspace
        self._watch = watch
        self._log = log
        self._gpus = GpuWatch(
            clocks.SYSTEM, log, gpu_choice.look_for(devices, gpu_lease.queue_of(workspace.journal))
        )
        self._launcher = Launcher(workspace, self._gpus, max_parallel=max_parallel, umask=umask)
        self._attempts = WatchList(watch, clocks.SYSTEM)
        self._frozen = FrozenSupervisors(log, clocks.SYSTEM)
        self._zygotes: set[int] = set()

    # --- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the zygotes."""
        self._launcher.start()
        self._watch_zygotes()

    def close(self) -> None:
        """Release everything. The runs continue."""
        self._leave_zygotes()
        self._attempts.close()
        self._launcher.close()

    def rest(self) -> None:
        """Release idle supervisors, and the warm zygote after a while."""
        if self._launcher.is_release_due():
            self._leave_zygotes()
            self._launcher.release_idle()
            self._watch_zygotes()

    def capacity(self, *, is_in_use: bool) -> Gpus:
        """Return the GPUs of this machine that are the daemon's, with whose memory is on them."""
        self._gpus.tokens = self._attempts.tokens
        return self._gpus.step(is_in_use=is_in_use)

    def room(self) -> int | None:
        """Return that the slots alone decide."""
        return None

    def trouble(self) -> str | None:
        """Return nothing: what this machine lacks is a shortage."""
        return None

    def note(self) -> str | None:
        """Return nothing."""
        return None

    def nodes(self) -> None:
        """Return nothing: there is this machine alone."""

    def shortage(self, *, is_failing: bool) -> Shortage | None:
        """Return what the disks lack; after failures also what a test launch still meets."""
        found = disk_space.shortage(self._workspace)
        if found is None and is_failing and (number := probe(self._workspace)) is not None:
            return Shortage(machine_faults.kind(number), machine_faults.words(number))
        return found

    # --- launching -----------------------------------------------------------------------------

    def launch(self, launch: Launch) -> None:
        """Write the attempt's files and ask a zygote for a supervisor."""
        ref = launch.ref
        if not is_folder(self._run_dir(ref)):
            raise NoRunFolder(f"run folder {ref.run_dir} is missing: it was deleted before the run started")
        watched = self._attempts.add(ref)
        try:
            self._launcher.launch(launch, self._attempt_dir(ref))
        except earlier_life.StillRuns as error:
            self._log(f"WARNING: run {ref.run_id} waits: {error.strerror} ({error.folder})")
            watched.folder = error.folder  # watched until it has ended; a cancel stops it
            return
        except FileExistsError:
            return  # another launch of this same attempt: the start marker decides which one counts
        except BaseException:
            self._attempts.forget(ref.token)
            raise
        finally:
            self._watch_zygotes()
        watched.is_launching = True

    def adopt(self, ref: AttemptRef) -> None:
        """Wait for a supervisor by pidfd if its identity can be proved, else by polling."""
        watched = self._attempts.add(ref)
        with contextlib.suppress(OSError):  # what cannot be read now is inspected later
            self._attach_to_owner(watched)

    def _attach_to_owner(self, watched: Watched) -> None:
        ref = watched.ref
        owner = start_marker.read(self._attempt_dir(ref))
        if owner is None or owner.boot_id != os_process.boot_id():
            return
        descriptor = os_process.pidfd_open(owner.pid)
        if descriptor is None:
            return
        is_it = os_process.start_ticks(owner.pid) == owner.start_ticks
        if not is_it or earlier_life.original(self._attempt_dir(ref), ref.token) is not None:
            os.close(descriptor)  # the pid belongs to another process now, or to the original of this copy
            return
        self._attempts.attach(watched, descriptor)

    def events(self) -> Iterator[Event]:
        """Yield what zygotes answered, and the attempts that must be inspected."""
        for token, reply in self._launcher.answers():
            yield from self._answered(token, reply)
        self._end_hung_zygotes()
        if any(not zygote.alive() for zygote in self._launcher.zygotes):
            yield from self._replace_zygotes()
        self._frozen.step()
        for token in self._attempts.due():
            yield Event(token)

    def _end_hung_zygotes(self) -> None:
        for zygote in self._launcher.zygotes:
            if zygote.is_hung():
                self._log(f"WARNING: the zygote (pid {zygote.pid}) does not answer; a new one replaces it")
                zygote.kill()

    def _answered(self, token: str, reply: Reply) -> Iterator[Event]:
        watched = self._attempts.get(token)
        if watched is None:
            if reply.handle is not None:
                os.close(reply.handle)
            return
        failpoints.hit("launch.answered")
        watched.is_launching = False
        if reply.error is not None:
            yield Event(token, reply.error, reply.errno)
        else:
            self._attempts.attach(watched, reply.handle)

    def _replace_zygotes(self) -> Iterator[Event]:
        self._leave_zygotes()
        for token in self._launcher.orphaned_launches():
            # Perhaps a supervisor was forked, perhaps not: the start marker will show it.
            watched = self._attempts.get(token)
            if watched is not None:
                watched.is_launching = False
        try:
            self._launcher.restart_dead()
        except OSError as error:
            yield Event(None, errno=machine_faults.of(error) or errno.EAGAIN)
        self._watch_zygotes()

    def _leave_zygotes(self) -> None:
        for descriptor in self._zygotes:
            self._watch.remove(descriptor)
        self._zygotes.clear()

    def _watch_zygotes(self) -> None:
        for zygote in self._launcher.zygotes:
            if zygote.fileno() not in self._zygotes:
                self._zygotes.add(zygote.fileno())
                self._watch.add(zygote.fileno(), _nothing)

    def wait_seconds(self) -> float | None:
        """Return how often attempts without a handle are inspected, and when the next look at the GPUs is due."""
        polling = POLL_SECONDS if self._attempts.needs_polling() or self._frozen else None
        return min((s for s in (polling, self._gpus.wait_seconds()) if s is not None), default=None)

    def forget(self, ref: AttemptRef) -> None:
        """Stop watching an attempt."""
        self._attempts.forget(ref.token)
        self._frozen.forget(ref.token)

    # --- inspecting ----------------------------------------------------------------------------

    def _run_dir(self, ref: AttemptRef) -> Path:
        return self._workspace.root / ref.run_dir

    def _attempt_dir(self, ref: AttemptRef) -> Path:
        watched = self._attempts.get(ref.token)
        if watched is not None and watched.folder is not None:
            return watched.folder
        return self._workspace.attempt_dir(ref.run_id, ref.attempt)

    def inspect(self, ref: AttemptRef) -> Report:
        """Return all that the attempt's files and locks say."""
        folder = self._attempt_dir(ref)
        found = report.inspect(folder, ref.token, self._run_dir(ref))
        return found._replace(finding=earlier_life.refined(folder, ref.token, found.finding))

    # --- acting --------------------------------------------------------------------------------

    def order(self, ref: AttemptRef, order: Order) -> bool:
        """Leave the file that the supervisor watches; False while it cannot be written."""
        if order is Order.CANCEL:
            self._frozen.expect_end(ref, self._attempt_dir(ref))
        return acting.give(self._attempt_dir(ref), order)

    def recall(self, ref: AttemptRef) -> None:
        """Do nothing: an attempt begins at once here."""

    def signs(self, ref: AttemptRef) -> Signs | None:
        """Return what the attempt has written and used; None if that cannot be seen now."""
        try:
            return signs.read(self._attempt_dir(ref), self._run_dir(ref))
        except OSError:
            return None

    def end_stalled(self, ref: AttemptRef, seconds: float) -> bool:
        """Leave the file that the supervisor watches; False while it cannot be written."""
        self._frozen.expect_end(ref, self._attempt_dir(ref))
        return acting.end_stalled(self._attempt_dir(ref), seconds)

    def withdraw(self, ref: AttemptRef, order: Order) -> bool:
        """Delete the file that the supervisor watches; False while that is refused."""
        return acting.withdraw(self._attempt_dir(ref), order)

    def close_attempt(self, ref: AttemptRef, job: Job, closing: Closing) -> bool:
        """Take the start marker, so that no supervisor can take it; False if one has it."""
        return acting.close(self._workspace, self._attempt_dir(ref), ref, job, closing)

    def clean_up(self, ref: AttemptRef) -> bool:
        """Kill what is left of the attempt.

        The first call waits for the end. Later calls only look, as often as at other things without an event.
        """
        watched = self._attempts.get(ref.token) or Watched(ref)
        folder = self._attempt_dir(ref)
        owner = start_marker.read(folder)
        session = owner.pid if owner is not None and owner.boot_id == os_process.boot_id() else None
        patience = {"seconds": 0.0} if watched.unkillable else {}
        left = tuple(cleanup.clean_up(ref.token, folder, session, **patience).left)
        if left != watched.unkillable:
            unkillable.note(folder, left)
            if left and not watched.unkillable:
                self._log(f"WARNING: run {ref.run_id} is lost; {unkillable.words(left)}")
            watched.unkillable = left
        return not left

    def finish(self, ref: AttemptRef, record: ExitRecord) -> None:
        """Write a result.json that the supervisor could not write, or that a move of the workspace lost."""
        results.finish(self._attempt_dir(ref), self._run_dir(ref), record)

    def leave_result(self, ref: AttemptRef, job: Job, ending: Ending) -> None:
        """Write a result.json for an unknown end."""
        results.leave(self._attempt_dir(ref), self._run_dir(ref), job, ending)


def _nothing() -> None:
    """Only wake the loop: `events` asks the zygotes."""
