"""The process that sends notices: it reads the outbox, tells every target, and writes what became of it.

At least once: a notice that was sent and not recorded, because the process was killed, is sent again. Only one such
process works for a workspace at a time.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runforge import clock, config, failpoints, own_python
from runforge import workspace as workspaces
from runforge.config import Config
from runforge.errors import RunForgeError, explained
from runforge.files.durable import open_file
from runforge.files.permissions import become_private
from runforge.notices.deliver import Undelivered, deliver
from runforge.notices.event import Notice, document
from runforge.notices.targets import Target, targets_of
from runforge.store import outbox, records
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

#: It ends by itself after about this time; the daemon starts another one if there is more.
LIFETIME = 300.0
_AT_ONCE = 20
#: The exit code if another process sends already.
BUSY = 75

#: Tells one target, as `deliver` does.
Deliver = Callable[[Target, dict[str, Any]], str]


def command(workspace: Workspace) -> list[str]:
    """Return the command that starts such a process."""
    return own_python.command("runforge.notices.send", str(workspace.root))


def main() -> None:
    """Send what is due in the workspace that is named on the command line."""
    become_private()
    here = workspaces.at(Path(sys.argv[1]))
    try:
        if send(here) is None:
            sys.exit(BUSY)
    except (RunForgeError, OSError) as error:
        print(f"WARNING: notices are not sent: {explained(error)}", file=sys.stderr, flush=True)
        sys.exit(1)


def send(workspace: Workspace, *, tell: Deliver = deliver) -> int | None:
    """Send what is due; return how many notices were tried, None if another process sends."""
    tried = 0
    with _alone(workspace) as is_alone:
        if not is_alone:
            return None
        settings = config.load(workspace)
        end = time.monotonic() + LIFETIME
        with open_journal(workspace) as journal:
            while batch := _due(journal):
                for row in batch:
                    if time.monotonic() > end:
                        return tried
                    _send_one(journal, row, settings, tell)
                    tried += 1
    return tried


@contextmanager
def _alone(workspace: Workspace) -> Iterator[bool]:
    """Hold the lock of the senders; False if another process has it."""
    descriptor = open_file(workspace.notices_lock, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _due(journal: Journal) -> list[outbox.Row]:
    with journal.read() as tx:
        return outbox.due(tx, clock.now(), _AT_ONCE)


def _send_one(journal: Journal, row: outbox.Row, settings: Config, tell: Deliver) -> None:
    """Tell every target that was not told, and record it."""
    told, errors = list(row.told), []
    if row.detail.get("asked") or row.event in settings["notify.on"]:
        with journal.read() as tx:
            event = document_of(journal.workspace, _notice(tx, row))
        failpoints.hit("notice.read")
        for target in targets_of(settings["notify.to"]):
            if target.key in told:
                continue
            answer, is_told = _tried(target, event, tell)
            if is_told:
                told.append(target.key)
            else:
                errors.append(f"{target.label}: {answer}")
            failpoints.hit("notice.sent")
    with journal.write() as tx:
        outbox.record(tx, row, told, "; ".join(errors) or None, clock.now())
    failpoints.hit("notice.recorded")


def _notice(tx: Transaction, row: outbox.Row) -> Notice:
    job = tx.row("jobs.by_job_id", job_id=row.job_id) if row.job_id else None
    group = tx.row("groups.by_id", group_id=row.group_id) if row.group_id else None
    return Notice(
        row.seq,
        row.at,
        row.event,
        row.detail,
        None if job is None else records.job(job),
        None if group is None else records.group(group),
    )


def document_of(workspace: Workspace, notice: Notice) -> dict[str, Any]:
    """Return the document of a notice of this workspace on this machine."""
    return document(notice, workspace=str(workspace.root), host=socket.gethostname())


def try_all(workspace: Workspace, *, tell: Deliver = deliver) -> list[tuple[Target, str, bool]]:
    """Send a test to every target; return how each answered, and whether it was told."""
    detail = {"text": "This is a test of RunForge's notices"}
    event = document_of(workspace, Notice(0, clock.now(), "test", detail))
    targets = targets_of(config.load(workspace)["notify.to"])
    return [(target, *_tried(target, event, tell)) for target in targets]


def _tried(target: Target, event: dict[str, Any], tell: Deliver) -> tuple[str, bool]:
    try:
        return tell(target, event), True
    except Undelivered as error:
        return str(error), False
