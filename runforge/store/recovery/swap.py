"""Replaces a damaged journal by a new one so that it can be interrupted at any time.

The new journal is made under another name. The damaged files get second names, and a note says that the
exchange has begun. Then the old -wal is deleted, the new file is renamed over the old one, and the note is
deleted. If killed before the note, nothing has changed. While the note is there, nobody opens the journal
until `doctor --recover` has finished the exchange.
"""

from __future__ import annotations

import os

from runforge import blocks, clock, failpoints, light_json
from runforge.files.durable import fsync_dir, fsync_file, read_bounded, write_atomic
from runforge.paths import Path
from runforge.store import which_file
from runforge.store.failures import JournalUnreadable
from runforge.store.writer_lock import open_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.workspace import Workspace

_SUFFIXES = ("-wal", "-shm", "")  # the database last: when it has its second name, all have
_NOTE_LIMIT = 4096


def fresh(workspace: Workspace) -> Path:
    """Return the path at which the new journal is made."""
    return _beside(workspace, ".new")


def _beside(workspace: Workspace, suffix: str) -> Path:
    return workspace.journal.with_name(workspace.journal.name + suffix)


def _note(workspace: Workspace) -> Path:
    return _beside(workspace, which_file.RECOVERY_NOTE)


def require_finished(workspace: Workspace) -> None:
    """Raise JournalUnreadable if a recovery has begun to exchange the files and has not ended."""
    if os.path.lexists(_note(workspace)):
        raise JournalUnreadable(
            "`doctor --recover` was interrupted while it put the new journal in its place; nothing is lost",
            where=str(workspace.journal),
            fix="Run `runforge doctor --recover` again: it continues from there",
        )


def clear(workspace: Workspace) -> None:
    """Delete the incomplete files of an interrupted recovery."""
    for name in (".new", ".salvage"):
        for suffix in _SUFFIXES:
            _beside(workspace, name + suffix).unlink(missing_ok=True)


def finish(workspace: Workspace) -> Path | None:
    """Finish an exchange whose new journal is in place; return the path of the damaged one, else None."""
    kept = _noted(workspace)
    if kept is None or which_file.inode(workspace.journal) in {0, which_file.inode(kept)}:
        return None
    _end(workspace)
    return kept


def _noted(workspace: Workspace) -> Path | None:
    try:
        name = light_json.loads(read_bounded(_note(workspace), _NOTE_LIMIT))["kept"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return workspace.journal.with_name(Path(str(name)).name)


def damaged_copy(workspace: Workspace) -> Path:
    """Copy the damaged files, because SQLite would run a checkpoint on the database that it reads."""
    import shutil  # every command imports this module

    source, copy = _noted(workspace) or workspace.journal, _beside(workspace, ".salvage")
    for suffix in _SUFFIXES:
        with blocks.suppress(FileNotFoundError):
            shutil.copyfile(f"{source}{suffix}", f"{copy}{suffix}")
    failpoints.hit("recover.copied")
    return copy


def exchange(workspace: Workspace) -> Path:
    """Put the new journal in place; return the path where the damaged one is kept."""
    fsync_file(fresh(workspace))
    failpoints.hit("recover.built")
    kept = _noted(workspace) or _name_of_kept(workspace)
    for suffix in _SUFFIXES:
        with blocks.suppress(FileNotFoundError, FileExistsError):
            os.link(f"{workspace.journal}{suffix}", f"{kept}{suffix}")
    fsync_dir(workspace.state_dir)
    failpoints.hit("recover.kept")
    write_atomic(_note(workspace), light_json.dumps({"kept": kept.name}).encode())
    failpoints.hit("recover.noted")
    for suffix in ("-wal", "-shm"):
        Path(f"{workspace.journal}{suffix}").unlink(missing_ok=True)
    fsync_dir(workspace.state_dir)
    failpoints.hit("recover.cleared")
    os.replace(fresh(workspace), workspace.journal)
    fsync_dir(workspace.state_dir)
    failpoints.hit("recover.replaced")
    _end(workspace)
    return kept


def _end(workspace: Workspace) -> None:
    lock = open_lock(workspace)
    try:
        which_file.note(lock, which_file.inode(workspace.journal))
    finally:
        os.close(lock)
    workspace.queue_map.unlink(missing_ok=True)  # the exports show the old one
    _note(workspace).unlink()
    fsync_dir(workspace.state_dir)
    failpoints.hit("recover.ended")
    clear(workspace)


def _name_of_kept(workspace: Workspace) -> Path:
    """Return a free name, or the name that an interrupted recovery gave to this same file."""
    held = which_file.inode(workspace.journal)
    for path in sorted(workspace.state_dir.glob(f"{workspace.journal.name}.damaged-*")):
        if held and which_file.inode(path) == held:
            return path
    stamp = clock.now().replace("-", "").replace(":", "")[:15]
    repeat = 1
    while True:
        kept = _beside(workspace, f".damaged-{stamp}" + (f"_{repeat}" if repeat > 1 else ""))
        if not any(os.path.lexists(f"{kept}{suffix}") for suffix in _SUFFIXES):
            return kept
        repeat += 1
