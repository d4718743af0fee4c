"""Files that survive a crash: whole or absent, never half.

Standard library only: supervisors use it too. Nothing here opens the journal.
"""

from __future__ import annotations

import errno
import stat

from runforge import blocks, failpoints
from runforge.files.reading import open_file as open_file  # noqa: PLC0414 - others take them from here
from runforge.files.reading import read_bounded as read_bounded  # noqa: PLC0414
from runforge.files.reading import require_file as require_file  # noqa: PLC0414
from runforge.paths import Path
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

TEMPORARY_PREFIX = ".rf-tmp-"
_NO_FOLDER = "is a symbolic link; RunForge needs a real folder there"
_SYNCED_AT_ONCE = 8
#: So many files are open at once while what a run has left is synced, and what is small there.
_OPEN_AT_ONCE = 64
_SMALL = 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomic(
    path: Path,
    data: bytes | Iterable[bytes],
    *,
    durable: bool = True,
    mode: int = 0o600,
    sync_folder: bool = True,
    may_replace: Callable[[], bool] | None = None,
) -> os.stat_result:
    """Replace a file so that a reader sees the complete old or new content; return the new file's status.

    The temporary file has an unpredictable name in the same folder, so nobody can put a link there. With
    `durable`, both the file and its folder entry are on disk when this returns. Without `sync_folder` the
    entry is on disk only after the next sync of anything later (journaled file systems keep that order); use
    this if such a sync follows. `may_replace` is called at the last moment; if it returns false, the old file
    stays. Raises OSError; the old file is then untouched.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    descriptor = os.open(temporary, _NEW, mode)
    try:
        try:
            for part in (data,) if isinstance(data, bytes) else data:
                _write_all(descriptor, part, path)
            if durable:
                os.fsync(descriptor)
            info = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        failpoints.hit("file.written")
        if may_replace is not None and not may_replace():
            temporary.unlink(missing_ok=True)
            return info
        os.replace(temporary, path)
        failpoints.hit("file.replaced")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable and sync_folder:
        fsync_dir(path.parent)
    return info


@blocks.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in an OSError of a call that got its descriptor alone."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _write_all(descriptor: int, data: bytes, path: Path) -> None:
    """Write everything; an OSError names the file, which the descriptor does not."""
    view = memoryview(data)
    with _naming(path):
        while view:
            view = view[os.write(descriptor, view) :]


def write_new(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Create a file and sync its content; FileExistsError if it is there. The caller syncs the folder."""
    descriptor = os.open(path, _NEW, mode)
    try:
        _write_all(descriptor, data, path)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = open_file(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_files(paths: Sequence[Path]) -> None:
    """Make the content of many files durable, several at a time, so that the disk can combine the work."""
    if len(paths) <= _SYNCED_AT_ONCE:
        for path in paths:
            fsync_file(path)
        return
    from concurrent.futures import ThreadPoolExecutor  # takes twenty milliseconds and is rarely needed

    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:
        for _ in pool.map(fsync_file, paths):
            pass


def fsync_dir(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_trees(paths: Iterable[Path]) -> list[Path]:
    """Make files and whole folders durable, as far as the disk can; return the files that it refused. Follows no link."""
    files: list[Path] = []
    folders: list[Path] = []
    for path in paths:
        try:
            is_file = not stat.S_ISDIR(os.lstat(path).st_mode)
        except OSError:
            continue  # most runs leave few of the files that they may leave
        if is_file:
            files.append(path)
            continue
        for folder, _, names in os.walk(path):
            folders.append(Path(folder))
            files += [Path(folder, name) for name in names]
    parts = [files[start : start + _OPEN_AT_ONCE] for start in range(0, len(files), _OPEN_AT_ONCE)]
    refused = [path for part in parts for path in _sync_together(part)]
    for each in folders:
        with blocks.suppress(OSError):
            fsync_dir(each)
    return refused


def _sync_together(paths: Sequence[Path]) -> list[Path]:
    """Sync files; return those that cannot be. All are on their way to the disk before the first is waited for.

    So a file system with a journal needs one commit for them, and the disk's pauses do not add up.
    """
    opened: list[tuple[Path, int]] = []
    try:
        for path in paths:
            with blocks.suppress(OSError):
                opened.append((path, open_file(path, os.O_RDONLY)))
                _begin_to_write(opened[-1][1])
        # Texts: a path asks `pathlib` for its hash.
        synced = {str(path) for path, descriptor in opened if _is_synced(descriptor)}
    finally:
        for _, descriptor in opened:
            os.close(descriptor)
    return [path for path in paths if str(path) not in synced]


def _is_synced(descriptor: int) -> bool:
    try:
        os.fsync(descriptor)
    except OSError:
        return False
    return True


def _begin_to_write(descriptor: int) -> None:
    """Let the kernel begin to write a file. It also forgets what is on the disk already, so large files are left out."""
    if hasattr(os, "posix_fadvise") and os.fstat(descriptor).st_size <= _SMALL:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


#: Errors that mean: nothing is there.
_ABSENT = {errno.ENOENT, errno.ENOTDIR}
#: Errors that mean: it is not a file of RunForge but a link, a folder, a pipe, or too large.
_FOREIGN = {errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EINVAL, errno.EFBIG}


def read_if_there(path: Path, limit: int) -> bytes | None:
    """Return a file's bytes; None if nothing is there, or if it is not a file of RunForge.

    OSError means that it cannot be read *now*. It must not count as missing, or its content would be lost.
    """
    try:
        return read_bounded(path, limit)
    except OSError as error:
        if error.errno in _ABSENT | _FOREIGN:
            return None
        raise


def is_there(path: Path) -> bool:
    """Return whether the path exists, whatever it is. OSError if that cannot be seen now."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise
    return True


def is_folder(path: Path) -> bool:
    """Return whether the path is a folder. OSError if that cannot be seen now."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno in _ABSENT | {errno.ELOOP}:
            return False
        raise


def make_way(folder: Path, levels: int) -> None:
    """Move away what is not a folder but should be: the path, or one of the `levels` above it."""
    if levels > 0:
        make_way(folder.parent, levels - 1)
    if is_there(folder) and not is_folder(folder):
        os.rename(folder, folder.with_name(f"{folder.name}.set-aside-{os.urandom(4).hex()}"))


def refuse_link(folder: Path) -> None:
    """Raise OSError if a folder of RunForge is a symbolic link."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, _NO_FOLDER, str(folder))


def make_dir(folder: Path) -> None:
    """Create a folder, and its parents, for the owner alone whatever the umask; a link is refused."""
    refuse_link(folder)
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        make_dir(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
