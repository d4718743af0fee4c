"""Finds signs that a workspace had a journal, if it has none now.

RunForge never makes a new journal by itself if one is missing: the queue would be lost, and the exports, from
which it can be rebuilt, would be overwritten. Owns the note `.runforge/has_journal`, which stays when the
journal is gone.
"""

from __future__ import annotations

from runforge import blocks, clock
from runforge.files.durable import open_file, read_bounded, write_new
from runforge.store.failures import JournalMissing
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runforge.paths import Path
    from runforge.workspace import Workspace

_NOTE = "has_journal"
#: Files that exist only beside a journal.
_BESIDE = ("-wal", ".bak-", ".damaged-", ".kept-")
_HEAD = 4096
_REQUEST_LIMIT = 1024 * 1024


def has_older_queue(workspace: Workspace) -> bool:
    """Return whether there is a queue.json of the older program, which had no journal, and no journal yet."""
    return (
        not os.path.lexists(workspace.journal)
        and os.path.lexists(workspace.queue_json)
        and not is_ours(workspace.queue_json)
    )


def note(workspace: Workspace) -> None:
    """Note that the workspace has a journal. On a disk that cannot be written only the note is missing."""
    path = workspace.hidden / _NOTE
    if not os.path.lexists(path):
        text = f"This workspace has a journal since {clock.now()}; RunForge makes no other one by itself.\n"
        with blocks.suppress(OSError):
            write_new(path, text.encode("ascii"), durable=False)


def require_none(workspace: Workspace) -> None:
    """Raise JournalMissing if there are signs that there was a journal."""
    said = found(workspace)
    if said is None:
        return
    kept = sorted(workspace.state_dir.glob(f"{workspace.journal.name}.kept-*"))
    back = f"`mv {kept[-1]} {workspace.journal}`" if kept else "mount its disk, or restore a backup"
    raise JournalMissing(
        f"the journal is missing, but {said} shows that there was one; nothing was changed",
        where=str(workspace.journal),
        fix=f"Put it back ({back}), or let `runforge doctor --recover` rebuild it from the exports and attempts;"
        " `runforge init --new-journal` begins with an empty queue",
    )


def found(workspace: Workspace) -> str | None:
    """Return a file or folder that shows that there was a journal; None if there is none."""
    return next(_found(workspace), None)


def _found(workspace: Workspace) -> Iterator[str]:
    if os.path.lexists(workspace.hidden / _NOTE):
        yield str(workspace.hidden / _NOTE)
    if not workspace.state_dir.is_dir() and workspace.state_dir != workspace.hidden:
        yield str(workspace.hidden / "state_dir")
    name = workspace.journal.name
    beside = tuple(f"{name}{suffix}" for suffix in _BESIDE)
    yield from _first(path for path in _entries(workspace.state_dir) if path.name.startswith(beside))
    yield from _first(_attempts(workspace))
    is_foreign = False
    if os.path.lexists(workspace.queue_json):
        if is_ours(workspace.queue_json):
            yield str(workspace.queue_json)
        is_foreign = True  # an older program's queue, with groups and runs of its own
    if os.path.lexists(workspace.queue_map):
        yield str(workspace.queue_map)
    if not is_foreign:
        yield from _first(_groups(workspace))
        yield from _first(_runs(workspace))


def _first(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield str(path)
        return


def _entries(folder: Path) -> Iterator[Path]:
    with blocks.suppress(OSError):
        yield from sorted(folder.iterdir())


def _attempts(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders of attempts that a daemon has launched. Attempts of `run` have no number."""
    for run in _entries(workspace.state_dir / "attempts"):
        yield from (path for path in _entries(run) if path.name.isdigit())


def _groups(workspace: Workspace) -> Iterator[Path]:
    for folder in _entries(workspace.hidden / "groups"):
        yield from (folder / name for name in ("group.json", "plan.json") if (folder / name).exists())


def _runs(workspace: Workspace) -> Iterator[Path]:
    """Yield the runs of sweeps. Other runs may be from `run` or not yet enqueued."""
    for folder in _entries(workspace.runs_dir):
        with blocks.suppress(OSError):
            if b'"sweep_group_id"' in read_bounded(folder / "request.json", _REQUEST_LIMIT):
                yield folder


def is_ours(queue_json: Path) -> bool:
    """Return whether RunForge wrote the file: its beginning names the newest entry that it shows."""
    try:
        descriptor = open_file(queue_json, os.O_RDONLY)
    except OSError:
        return True  # unknown; a person should look
    try:
        return b'"journal_seq"' in os.pread(descriptor, _HEAD, 0)
    finally:
        os.close(descriptor)
