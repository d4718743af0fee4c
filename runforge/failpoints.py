"""Named points at which a test can kill this process: the moments between two steps of a change.

Off unless $RUNFORGE_FAILPOINT is `name:N`: then the process that passes the point for the Nth time gets
SIGKILL. $RUNFORGE_FAILPOINT_FILE makes N count over all processes, one byte for each pass. Standard library
only, because supervisors use it too. The user's programs never see these variables.
"""

from __future__ import annotations

from runforge.blocks import contextmanager
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "RUNFORGE_FAILPOINT"
COUNTER = "RUNFORGE_FAILPOINT_FILE"

#: Every point, and what a crash there leaves.
POINTS = {
    "tx.before": "a writer is about to take the writers' lock",
    "tx.begun": "a transaction is open and nothing is changed in it",
    "tx.written": "everything is changed and nothing committed",
    "tx.committed": "committed; the writers' lock is still held",
    "checkpoint.before": "the WAL is about to be folded back",
    "checkpoint.done": "the WAL is folded back; the lock is still held",
    "migrate.wal": "a new journal is in WAL mode and has no tables",
    "migrate.backup_written": "the backup is whole, under its temporary name",
    "migrate.backed_up": "the backup has its name; the journal is unchanged",
    "migrate.applied": "every table is made or changed, nothing committed",
    "migrate.committed": "the journal is of the newest version",
    "recover.copied": "`doctor --recover` has copied the damaged journal to read it",
    "recover.built": "the recovered journal is whole, beside the damaged one",
    "recover.kept": "the damaged files have second names; nothing else is changed",
    "recover.noted": "a note says that the journal is being exchanged",
    "recover.cleared": "the damaged journal's -wal is gone from its place",
    "recover.replaced": "the recovered journal is in place; the note is still there",
    "recover.ended": "the note is gone",
    "file.written": "a temporary file is whole and has not replaced the old one",
    "file.replaced": "the new file is in place; its folder is not synced",
    "environment.kept": "the environment is stored and durable; no job knows it",
    "code.kept": "the code's tree is kept in its repository; no job knows it",
    "code.exported": "the code's files are there under a temporary name",
    "enqueue.group_made": "the group's folder is there, without its plan",
    "enqueue.run_made": "a run's folder is there, without its request",
    "enqueue.written": "every request is written and none is synced",
    "enqueue.durable": "the folders are durable; the journal knows of none",
    "submit.inserted": "group, jobs and edges are written, nothing committed; the folders are durable",
    "sweep.noted": "how a sweep goes on is written, its runs are not, and nothing is committed",
    "sampler.asked": "a sampler was started; the journal knows of no question",
    "sampler.answered": "the suggestions are there; no run is made of them",
    "trials.inserted": "the trials are queued and counted, nothing committed; their folders are durable",
    "trials.committed": "the trials are queued; the daemon has not told anybody",
    "cascade.one_canceled": "one job that waits in vain is canceled; others may not be, and nothing is committed",
    "breaker.tripped": "equal failures have paused their group, and nothing is committed",
    "revival.one_queued": "one job that waited in vain is queued again; others may not be, and nothing is committed",
    "move.one_placed": "one run has its new place; others may not have, and nothing is committed",
    "edit.request_kept": "a new request is durable beside the old one; others may not be, and the journal knows none",
    "edit.committed": "the journal names the new requests; the files still have the old ones' names",
    "edit.request_placed": "the new requests are in their places; neither daemon nor exports know",
    "command.committed": "a command's change is committed; neither daemon nor exports know",
    "cancel.noted": "the cancel is in the journal; no cancel file is there",
    "cancel.left": "a cancel file is there; others may be missing",
    "cancel.delivered": "the daemon has left the cancel file itself",
    "stop.noted": "a rule's verdict is in the journal; no file asks the run to end",
    "stop.delivered": "the daemon has asked a run to end because of its sweep's rule",
    "artifacts.noted": "the journal says that a run's artifacts are deleted; they are all there",
    "pause.noted": "the wish to freeze, thaw or yield is in the journal; the attempt's files are as before",
    "pause.left": "the files of one attempt are as wished; others may not be",
    "yield.delivered": "the daemon has asked an attempt to yield",
    "freeze.delivered": "the daemon has told an attempt to stand still",
    "thaw.delivered": "the daemon has let an attempt go on",
    "freeze.stopped": "the processes of a run are stopped",
    "thaw.continued": "the processes of a run go on",
    "prune.forgotten": "the journal has forgotten the jobs; their folders are there",
    "notice.read": "a notice is read and is about to be sent",
    "notice.sent": "a target was told of a notice; the journal does not know",
    "notice.recorded": "the journal knows what became of a notice",
    "export.read": "the journal is read; nothing is exported",
    "export.queue_written": "queue.json is new and the group.json files are old",
    "export.group_written": "a group.json is new; others may be old",
    "daemon.locked": "the daemon lock is held, the journal not open",
    "daemon.took_over": "the epoch is raised, nothing adopted",
    "daemon.zygotes_started": "the zygotes run; the attempts of an earlier daemon are not inspected",
    "daemon.adopted": "the attempts of an earlier daemon are watched again",
    "daemon.stopped": "the journal says stopped; the exports may be old",
    "claim.committed": "jobs are claimed and hold slots; none has a folder",
    "launch.set_aside": "one file of the previous attempt is moved away; others may not be",
    "launch.folder_made": "the attempt's folder is there, without its spec",
    "launch.spec_written": "the spec is there; no zygote is asked to run it",
    "launch.asked": "the zygote is asked for a supervisor",
    "launch.answered": "the daemon knows its supervisor",
    "end.judged": "the daemon knows how attempts ended and has not written it down",
    "end.recorded": "their ends are committed; nothing is printed or exported",
    "lost.revoked": "an attempt that never started is revoked; its job is not requeued",
    "lost.closed": "an attempt without a folder is closed to every late launch",
    "lost.swept": "what was left of a lost attempt is killed; nothing is written",
    "lost.result_left": "a lost attempt has its result.json; the journal does not know",
    "zygote.forked": "a supervisor is forked; the daemon has no answer",
    "supervisor.locked": "a supervisor runs and has no start marker",
    "supervisor.allocated": "the exit record is allocated; there is no start marker",
    "claim.written": "the start marker is written under a temporary name",
    "claim.linked": "the start marker is taken and not synced",
    "claim.won": "the start marker is taken and durable; nothing is started",
    "worker.forked": "the run's process exists; it is not watched",
    "worker.ended": "the run's process has ended; its child processes are not killed",
    "worker.swept": "no process of the run is left; its result is not written",
    "exit.result_left": "the result is written; the exit record is not",
    "exit.recorded": "the exit record is written; the supervisor still runs",
}


class _Armed:
    """One point that kills, and how often it was passed."""

    def __init__(self, text: str, counter: str | None) -> None:
        self.name, _, number = text.partition(":")
        if self.name not in POINTS or not number.isdigit() or int(number) < 1:
            raise SystemExit(f"${VARIABLE} is {text!r}; give a point of runforge/failpoints.py and N: name:N")
        self._nth = int(number)
        self._counter = counter
        self._passed = 0

    def pass_by(self) -> None:
        if self._count() == self._nth:
            import signal  # a millisecond that no command needs

            os.kill(os.getpid(), signal.SIGKILL)

    def _count(self) -> int:
        if self._counter is None:
            self._passed += 1
            return self._passed
        descriptor = os.open(self._counter, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b".")
            # The position of this byte, even if others append too: the kernel moves our offset with it.
            return os.lseek(descriptor, 0, 1)  # os.SEEK_CUR
        finally:
            os.close(descriptor)


_armed: _Armed | None = None
_observer: Callable[[str], None] | None = None


@contextmanager
def observed(observer: Callable[[str], None]) -> Iterator[None]:
    """Call a function at every point inside the block. The simulation kills daemons this way."""
    global _observer  # noqa: PLW0603 - one process, one observer
    _observer = observer
    try:
        yield
    finally:
        _observer = None


def arm() -> None:
    """Read the environment; done once, when a process first imports this module."""
    global _armed  # noqa: PLW0603 - one process, one armed point
    text = os.environ.get(VARIABLE)
    _armed = _Armed(text, os.environ.get(COUNTER)) if text else None


def disarm() -> None:
    """Forget the armed point: from here on the process runs the user's program."""
    global _armed  # noqa: PLW0603
    _armed = None
    for name in (VARIABLE, COUNTER):
        os.environ.pop(name, None)


def hit(name: str) -> None:
    """Pass a point; die if it is the armed one and was passed often enough."""
    if _observer is not None:
        _observer(name)
    if _armed is not None and _armed.name == name:
        _armed.pass_by()


arm()
