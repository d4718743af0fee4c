"""Which groups belong to a foreground `sweep`: each has a file that the running sweep keeps locked.

The kernel frees the lock however the sweep ends. A file that nobody has locked is of a sweep that was killed: nobody
waits for what it has not started.
"""

from __future__ import annotations

import fcntl

from runforge import blocks
from runforge.files.durable import TEMPORARY_PREFIX, fsync_dir, make_dir, open_file
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from runforge.paths import Path
    from runforge.workspace import Workspace


def _folder(workspace: Workspace) -> Path:
    return workspace.state_dir / "foreground"


class Mark:
    """Says that a group belongs to this process; the file goes when the block ends as it should."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = _folder(workspace)
        self._path: Path | None = None
        self._descriptor = -1

    def take(self, group_id: str) -> None:
        """Mark a group, durably, before the journal knows it. The file is locked when it gets its name."""
        make_dir(self._folder)
        temporary = self._folder / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
        self._descriptor = open_file(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._path = self._folder / group_id
        os.replace(temporary, self._path)
        fsync_dir(self._folder)

    def __enter__(self) -> Mark:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._path is not None and kind is None:
            self._path.unlink(missing_ok=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)


def has_abandoned(workspace: Workspace) -> bool:
    """Return whether some group's sweep was killed. Costs one system call where no sweep is or was."""
    return any(_held(workspace))


@blocks.contextmanager
def abandoned(workspace: Workspace) -> Iterator[list[str]]:
    """Yield the groups whose sweep was killed, each locked for us. Their marks are deleted afterwards."""
    held = dict(_held(workspace, keep=True))
    try:
        yield list(held)
        for group_id in held:
            (_folder(workspace) / group_id).unlink(missing_ok=True)
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def _held(workspace: Workspace, *, keep: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the unlocked marks, each with the descriptor of our lock, to keep or to release."""
    try:
        names = os.listdir(_folder(workspace))
    except OSError:
        return
    for name in names:
        path = _folder(workspace) / name
        if name.startswith(TEMPORARY_PREFIX):
            continue
        with blocks.suppress(OSError):
            descriptor = open_file(path, os.O_RDWR)
            is_kept = False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                    is_kept = keep
                    yield name, descriptor
            finally:
                if not is_kept:
                    os.close(descriptor)
