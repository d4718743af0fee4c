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

    #: Syncs open files and folders; returns for each the number of the disk's error, 0 if it is durable.
    Sync = Callable[[Sequence[int]], list[int]]

TEMPORARY_PREFIX = ".rf-tmp-"
_NO_FOLDER = "is a symbolic link; RunForge needs a real folder there"
#: So many files are open at once while many are synced, and what is small there.
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


def fsync_dir(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = _open_folder(folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_one_by_one(descriptors: Sequence[int]) -> list[int]:
    """Sync open files and folders; return for each the number of the disk's error, 0 if it is durable."""
    return [_error_of(each) for each in descriptors]


def _error_of(descriptor: int) -> int:
    try:
        os.fsync(descriptor)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def fsync_files(paths: Sequence[Path], sync: Sync = sync_one_by_one) -> None:
    """Make the content of many files durable. Raises OSError if one cannot be. `sync` may be `together.sync`."""
    for error in _refused(paths, (), sync).values():
        raise error


def sync_trees(
    paths: Iterable[Path], folder: Path | None = None, *, sync: Sync = sync_one_by_one
) -> list[Path]:
    """Make files and whole folders durable, as far as the disk can; return the files that it refused. Follows no link.

    Of `folder` only the entries are synced. `sync` may be `together.sync`, which waits only once.
    """
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
        for each, _, names in os.walk(path):
            folders.append(Path(each))
            files += [Path(each, name) for name in names]
    if folder is not None:
        folders.append(folder)
    refused = _refused(files, folders, sync)
    return [path for path in files if path in refused] if refused else []  # `pathlib` makes a hash slowly


def _refused(files: Sequence[Path], folders: Sequence[Path], sync: Sync) -> dict[Path, OSError]:
    """Sync files, then the entries of folders; return what cannot be, with the reason.

    Files are on their way to the disk before the first is waited for. So a file system with a journal needs one commit
    for them, and the disk's pauses do not add up.
    """
    refused: dict[Path, OSError] = {}
    ways = [*((each, _open_and_begin) for each in files), *((each, _open_folder) for each in folders)]
    for start in range(0, len(ways), _OPEN_AT_ONCE):
        opened: list[tuple[Path, int]] = []
        try:
            for path, way in ways[start : start + _OPEN_AT_ONCE]:
                with _noting(refused, path):
                    opened.append((path, way(path)))
            numbers = sync([descriptor for _, descriptor in opened])
        finally:
            for _, descriptor in opened:
                os.close(descriptor)
        for (path, _), number in zip(opened, numbers, strict=True):
            if number:
                refused[path] = OSError(number, os.strerror(number), str(path))
    return refused


@blocks.contextmanager
def _noting(refused: dict[Path, OSError], path: Path) -> Iterator[None]:
    """Note why the block fails for a file, in place of failing."""
    try:
        yield
    except OSError as error:
        refused[path] = error


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _open_and_begin(path: Path) -> int:
    """Open a file, and let the kernel begin to write it.

    The kernel also forgets what is on the disk already, so large files are only opened.
    """
    descriptor = open_file(path, os.O_RDONLY)
    with blocks.suppress(OSError):
        if hasattr(os, "posix_fadvise") and os.fstat(descriptor).st_size <= _SMALL:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return descriptor


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
