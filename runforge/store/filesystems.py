"""Refuses file systems on which SQLite's WAL is not safe.

WAL needs shared memory on one host. On network file systems it damages the journal without an error
(sqlite.org/wal.html, "same host computer"). statfs is wrong on some of them, so the mount table is read.
"""

from __future__ import annotations

from runforge.errors import Missing
from runforge.later import re
from runforge.paths import Path

#: How their names begin.
_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "lustre", "beegfs", "gpfs", "ceph", "afs", "ncpfs", "glusterfs"),
    *("fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.glusterfs", "fuse.ceph", "fuse.beegfs"),
)
MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that holds a folder, or `unknown`."""
    try:
        lines = mounts.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    best, kind = -1, "unknown"
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = _unescape(fields[4])
        # A later mount at the same point hides the earlier one, so: >=.
        if len(point) >= best and _is_below(str(folder), point):
            best, kind = len(point), right.split()[0]
    return kind


def _is_below(folder: str, point: str) -> bool:
    return folder == point or folder.startswith(point.rstrip("/") + "/")


def _unescape(point: str) -> str:
    if "\\" not in point:
        return point
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), point)


def is_network(kind: str) -> bool:
    """Return whether a file system type is one that several hosts may share."""
    return kind.startswith(_NETWORK)


def require_local(folder: Path, mounts: Path = MOUNTS) -> None:
    """Raise Missing, naming `--state-dir`, if the journal would lie on a network file system."""
    kind = filesystem_of(folder, mounts)
    if is_network(kind):
        raise Missing(
            f"{folder} is on a network file system ({kind}), where the journal could be corrupted",
            fix="Keep the workspace there and put the journal on a local disk: "
            "give --state-dir /local/folder once, with `init`, `enqueue-sweep` or `daemon`",
        )
