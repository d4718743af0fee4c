"""The folder of journal and locks if it is outside the workspace: its path and its owner.

`.runforge/state_dir` names the folder, and in a second line the machine that it was chosen on. The file `workspace` in that folder names the workspace. A copied
workspace has a copy of `state_dir`, so without the file `workspace` two workspaces would share one journal.
"""

from __future__ import annotations

from runforge import blocks, light_json
from runforge.errors import Missing, OperationFailed
from runforge.files.durable import make_dir, read_bounded, write_atomic
from runforge.paths import Path
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_POINTER = "state_dir"
_OWNER = "workspace"
_JOURNAL = "runforge.db"
_LIMIT = 16 * 1024


def find(root: Path, wanted: Path | None) -> Path:
    """Return the state folder of the workspace at a root; `wanted` chooses one, and the choice is kept.

    Raises Missing for a folder that belongs to another workspace, OperationFailed for a choice that would
    leave a journal behind.
    """
    hidden = root / ".runforge"
    before = _named(hidden)
    if wanted is None:
        if before != hidden:
            _require_own(root, before, is_chosen=False)
        return before
    chosen = wanted.expanduser().resolve()
    if chosen == hidden.resolve():
        chosen = hidden
    if chosen != before:
        _refuse_to_leave(root, before, chosen)
    if chosen != hidden:
        _require_own(root, chosen, is_chosen=True)
    make_dir(hidden)
    if chosen == hidden:  # no path is stored, so that the workspace may be moved
        (hidden / _POINTER).unlink(missing_ok=True)
        return hidden
    make_dir(chosen)
    write_atomic(hidden / _POINTER, f"{chosen}\n{os.uname().nodename}\n".encode("utf-8", "surrogateescape"))
    _sign(root, chosen)
    return chosen


def other_machine(root: Path, folder: Path) -> str | None:
    """Return the name of the machine that has the state folder, if it is not there and the workspace names another."""
    if folder == root / ".runforge" or folder.is_dir():
        return None
    host = _host(root / ".runforge")
    return host if host not in {"", os.uname().nodename} else None


def require_there(root: Path, folder: Path) -> None:
    """Raise Missing if a state folder elsewhere is not there: perhaps it only has to be mounted."""
    if folder != root / ".runforge" and not folder.is_dir():
        host = other_machine(root, folder)
        if host is not None:
            raise Missing(
                f"the journal of this workspace is on {host} ({folder}); this is {os.uname().nodename}",
                where=str(root),
                fix=f"Go there; `runforge queue-status` works here too. If {host} is gone for"
                " good, `runforge init --state-dir FOLDER` and `runforge doctor --recover` rebuild the journal here",
            )
        raise Missing(
            f"the folder of this workspace's journal is not there: {folder}",
            where=str(root),
            fix="Mount it or put it back. Where it is gone for good, `runforge init --state-dir FOLDER` names"
            " another one, and `runforge doctor --recover` rebuilds the journal in it",
        )


def _named(hidden: Path) -> Path:
    try:
        text = read_bounded(hidden / _POINTER, _LIMIT).decode("utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return hidden
    except NotADirectoryError:
        raise Missing(
            f"{hidden} is not a folder", fix="Move it away; RunForge keeps its state there"
        ) from None
    return Path(text) if text else hidden


def _host(hidden: Path) -> str:
    """Return the machine that the folder is on, if the workspace says so: it may be seen from several."""
    try:
        return read_bounded(hidden / _POINTER, _LIMIT).decode("utf-8").partition("\n")[2].strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _refuse_to_leave(root: Path, before: Path, chosen: Path) -> None:
    if (before / _JOURNAL).exists() and not _is_of_another(root, before):
        raise OperationFailed(
            f"this workspace has its journal in {before}; nothing was changed",
            where=str(chosen),
            fix=f"To move it: stop the daemon, move what is in {before} that begins with `runforge.`, and the"
            " folder `attempts`, then give --state-dir again",
        )


def _require_own(root: Path, folder: Path, *, is_chosen: bool) -> None:
    """Refuse a state folder of another workspace; take it over if that workspace was moved here."""
    owner = _owner_of(folder)
    other = Path(str(owner.get("root"))) if owner is not None else root
    if other == root or _is_moved(root, owner):
        _sign(root, folder)
        return
    if _uses(other, folder):
        raise Missing(
            f"its state folder {folder} belongs to the workspace at {other}: is this a copy of it?",
            where=str(root),
            fix="Work there, or give this one a queue of its own:"
            f" `runforge init {root} --state-dir FOLDER --new-journal`",
        )
    if not is_chosen:
        raise Missing(
            f"its state folder {folder} belongs to the workspace at {other}, which is not there any more",
            where=str(root),
            fix=f"If that workspace was moved here, run `runforge init {root} --state-dir {folder}`",
        )


def _is_of_another(root: Path, folder: Path) -> bool:
    owner = _owner_of(folder)
    return owner is not None and Path(str(owner.get("root"))) != root and not _is_moved(root, owner)


def _is_moved(root: Path, owner: dict[str, Any] | None) -> bool:
    """Return whether the owner is this same folder under another name. A copy is another folder."""
    return owner is not None and _identity(root) == (owner.get("device"), owner.get("inode"))


def _owner_of(folder: Path) -> dict[str, Any] | None:
    if folder.name == ".runforge" and folder.is_dir():
        return {"root": str(folder.parent)}
    try:
        found = light_json.loads(read_bounded(folder / _OWNER, _LIMIT))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _uses(root: Path, folder: Path) -> bool:
    """Return whether a workspace is at the root and has its state in the folder."""
    try:
        return os.path.samefile(_named(root / ".runforge"), folder)
    except (OSError, Missing):
        return False


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        info = os.stat(root / ".runforge")
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _sign(root: Path, folder: Path) -> None:
    """Write the owner into the state folder, unless it is there already."""
    identity = _identity(root)
    if identity is None or not folder.is_dir() or folder.name == ".runforge":
        return
    note = {"root": str(root), "device": identity[0], "inode": identity[1]}
    with blocks.suppress(OSError):  # a disk that cannot be written may still be read
        if _owner_of(folder) != note:
            write_atomic(folder / _OWNER, light_json.dumps(note).encode("utf-8", "surrogateescape") + b"\n")
