"""The request of a queued run while it is exchanged: the journal's digest says which file is the run's.

An edit writes the new request beside the old one, under a name with its digest. The journal then names the digest,
and the file takes the old one's place. Whoever comes after a crash in between finishes that.
"""

from __future__ import annotations

from runforge.system import os

TYPE_CHECKING = False  # `show` asks for the file
if TYPE_CHECKING:
    from runforge.paths import Path

_NAME = "request.json"
#: Largest request.json that is read.
REQUEST_LIMIT = 1024 * 1024
_BESIDE = r"request\.[0-9a-f]{64}\.json"


def beside(folder: Path, sha: str) -> Path:
    """Return where a new request waits until the journal names it."""
    return folder / _beside(sha)


def _beside(sha: str) -> str:
    return f"request.{sha}.json"


def keep(folder: Path, data: bytes) -> None:
    """Write a new request beside the old one. It is durable when this returns."""
    from runforge.digest import sha256_of
    from runforge.files.durable import write_atomic

    write_atomic(beside(folder, sha256_of(data)), data)


def place(folder: Path, sha: str | None) -> None:
    """Put the request that the journal names into its place, if its edit has not done so yet.

    Not synced: after a power cut it has one name or the other.
    """
    if sha is None:
        return
    from runforge import blocks
    from runforge.digest import sha256_of
    from runforge.files.durable import read_if_there

    new = beside(folder, sha)
    data = read_if_there(new, REQUEST_LIMIT)
    if data is not None and sha256_of(data) == sha:
        with blocks.suppress(FileNotFoundError):  # another process was quicker
            os.replace(new, folder / _NAME)


def current(folder: Path, sha: str | None) -> Path:
    """Return the file with a run's request, for somebody who only looks."""
    return folder / current_name(folder, sha)


def current_name(folder: Path | str, sha: str | None) -> str:
    """Return the same file's name in the run's folder."""
    return _beside(sha) if sha is not None and os.path.lexists(f"{folder}/{_beside(sha)}") else _NAME


def forget_others(folder: Path, sha: str | None) -> None:
    """Delete what killed edits have left beside the request. The caller holds the writers' lock."""
    import re  # `show` comes here for a name alone

    from runforge import blocks

    kept = None if sha is None else beside(folder, sha).name
    with blocks.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            if re.fullmatch(_BESIDE, name) and name != kept:
                (folder / name).unlink(missing_ok=True)
