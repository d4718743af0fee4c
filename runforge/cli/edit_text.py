"""Opens the request of a run in the editor of the user. Nothing is locked meanwhile: it may start, or be edited."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from runforge.core.records import Job
from runforge.documents import request_file, strict_json
from runforge.errors import InvalidRequest, OperationFailed, RunForgeError
from runforge.queue import edit as edits
from runforge.queue.changed import Changed
from runforge.queue.edit import Edit
from runforge.workspace import Workspace


def is_possible() -> bool:
    """Return whether a person is there who can edit a text."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def edit_text(workspace: Workspace, job: Job) -> Changed:
    """Let the user edit the request of a queued run, and queue it so. What cannot be used stays in a named file."""
    folder = workspace.root / job.run_dir
    request_file.settle(folder, job.request_sha)
    old = request_file.read_queued(folder / "request.json")[0].raw
    kept = Path(tempfile.mkdtemp(prefix="runforge-edit-")) / f"{job.run_id}.json"
    kept.write_bytes(strict_json.dump(old))
    kept.chmod(0o600)
    try:
        _open(kept)
        data = kept.read_bytes()
        new = strict_json.parse(
            data, what="request", limit=request_file.REQUEST_LIMIT, error=InvalidRequest, where=str(kept)
        )
        done = edits.edit(workspace, [job.job_id], Edit(rewrite=lambda _: new, version=job.version))
    except RunForgeError as error:
        fix = f"{error.fix + '. ' if error.fix else ''}Your text is in {kept}"
        raise type(error)(error.message, where=error.where, fix=fix) from error
    if not done.changed and new != old:
        reason = done.skipped[0][1] if done.skipped else "is as it was"
        raise OperationFailed(f"nothing was changed: run {job.seq} {reason}", fix=f"Your text is in {kept}")
    kept.unlink()
    kept.parent.rmdir()
    return done


def _open(path: Path) -> None:
    """Run the editor, as git does: its command may have options."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    code = subprocess.run(["sh", "-c", f'{editor} "$@"', editor, str(path)], check=False).returncode
    if code != 0:
        raise OperationFailed(f"nothing was changed: the editor ({editor:.60}) ended with exit code {code}")
