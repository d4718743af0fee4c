"""`edit` without options: the runs as a text in the user's editor. Nothing is locked meanwhile.

Whatever goes wrong, no run is changed and the text is kept; its name is told.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runforge.cli import changes, edit_changes, edit_text, output
from runforge.core.states import State
from runforge.documents import edited_request
from runforge.documents.request_file import read_request
from runforge.errors import InvalidRequest, OperationFailed, RunForgeError
from runforge.queue import edit as editing
from runforge.queue.changed import Changed

if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.documents.request import Request
    from runforge.store.targets import Selection
    from runforge.workspace import Workspace

_KNOWN = ("vi", "nano")


def edit(here: Workspace, selection: Selection, *, as_json: bool) -> int:
    """Let a person change the chosen runs; return 0 if one was changed."""
    jobs = _editable(selection)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fix = "For example --set lr=0.01, -t 2h or -p 5; on a terminal your editor opens"
        raise InvalidRequest("nothing says what to change", fix=fix)
    if not jobs:
        reason = [(job, f"already {job.state}") for job in selection.jobs]
        return changes.report(Changed([], reason), as_json=as_json)
    program = _program()
    before = edit_text.shown([(job, _request(here, job)) for job in jobs])
    file = _write(before)
    done = _edited(here, jobs, before, file, program)
    if done.skipped:
        output.note(f"Your text is kept in {file}")
    else:
        file.unlink(missing_ok=True)
    return changes.report(done, as_json=as_json, before=jobs)


def _editable(selection: Selection) -> list[Job]:
    """Return the chosen runs; of groups only the queued ones, if there are some."""
    found = [job for job in selection.jobs if job.job_id in selection.named or job.state is State.QUEUED]
    return found or selection.jobs


def _request(here: Workspace, job: Job) -> Request:
    return read_request(edited_request.current(here.root / job.run_dir, job.request_sha))


def _edited(here: Workspace, jobs: list[Job], before: str, file: Path, program: list[str]) -> Changed:
    """Open the editor and change the runs as the text says; an error names the file, which is kept."""
    try:
        _open(program, file)
        after = file.read_text("utf-8")
        edits = edit_changes.changes(before, after) if after.strip() else {}
        by_id = {job.job_id: edits[job.seq] for job in jobs if job.seq in edits}
        versions = {job.job_id: job.version for job in jobs}
        return editing.edit(here, by_id, versions) if by_id else Changed([], [])
    except (RunForgeError, UnicodeDecodeError, OSError) as error:
        told = (
            error if isinstance(error, RunForgeError) else InvalidRequest(f"the text cannot be read: {error}")
        )
        told.fix = f"{told.fix}{'. ' if told.fix else ''}Nothing was changed{_kept(file, before)}"
        raise told from None


def _kept(file: Path, before: str) -> str:
    """Return where the text is; one that nobody has touched is removed."""
    with contextlib.suppress(OSError):
        if file.read_bytes() == before.encode():
            file.unlink()
            return ""
    return f"; your text is kept in {file}"


def _program() -> list[str]:
    """Return the editor: $VISUAL, $EDITOR, or one that is known."""
    for name in ("VISUAL", "EDITOR"):
        text = os.environ.get(name, "").strip()
        if text:
            try:
                return shlex.split(text)
            except ValueError:
                raise InvalidRequest(f"${name} cannot be read: {text[:80]}", fix="Close its quotes") from None
    for known in _KNOWN:
        if shutil.which(known):
            return [known]
    raise OperationFailed("no editor is known", fix="Set $EDITOR, or use options: runforge edit --help")


def _write(text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="runforge-edit-", suffix=".toml")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return Path(name)


def _open(program: list[str], file: Path) -> None:
    """Run the editor until it ends. Ctrl-C is the editor's, not ours."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run([*program, str(file)], check=False).returncode
    except OSError as error:
        raise OperationFailed(
            f"the editor {program[0][:60]} does not start: {error.strerror}", fix="Set $EDITOR"
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if code != 0:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise OperationFailed(f"the editor {how}")
