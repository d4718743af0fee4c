"""The code of a run as it was when it was queued, for people to see. Light: `show` is called all day."""

from __future__ import annotations

from runforge.light_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.store.code import Code
    from runforge.workspace import Workspace

_SHORT = 10


def read(workspace: Workspace, code_id: str | None) -> Code | None:
    """Return what is known of the code; None if nothing is, as of runs that were not submitted."""
    if code_id is None:
        return None
    from runforge.store import code as codes
    from runforge.store.opening import open_snapshot

    with open_snapshot(workspace) as journal, journal.read() as tx:
        return codes.read(tx, code_id)


def packages(workspace: Workspace, run_id: str, attempt: int) -> dict[str, str]:
    """Return the packages of a run's newest attempt, name to version; empty if they are not known."""
    from runforge.attempts import packages as installed

    return installed.read(workspace.root, workspace.attempt_dir(run_id, attempt))


def to_json(code: Code | None) -> dict[str, Any] | None:
    """Return the record for `--json`."""
    if code is None:
        return None
    return {**code._asdict(), "left_out": loads(code.left_out), "facts": code.known}


def text(code: Code | None) -> str | None:
    """Return it in one line."""
    if code is None:
        return None
    if code.tree is None:
        return f"not kept: {code.known.get('why') or 'unknown'}"
    commit = code.commit[:_SHORT] if code.commit else "no commit yet"
    where = f"{commit} on {code.branch}" if code.branch else commit
    dirty = ", changed since" if code.is_dirty else ""
    left_out = code.known.get("left_out")
    missing = f", {left_out:,} file{'' if left_out == 1 else 's'} left out" if left_out else ""
    return f"{where}{dirty}{missing}; tree {code.tree[:_SHORT]}, see --code"


def lines(code: Code) -> list[tuple[str, str | None]]:
    """Return all that is known, as labels and values."""
    known = code.known
    python = known.get("python") or {}
    found: list[tuple[str, str | None]] = [
        ("Tree", code.tree or f"not kept: {known.get('why') or 'unknown'}"),
        ("Commit", code.commit),
        ("Branch", code.branch),
        ("Changed", ("yes" if code.is_dirty else "no") if code.tree else None),
        ("Root", code.root),
        ("Folder", code.folder),
        ("Python", " ".join(filter(None, [python.get("version"), python.get("path")])) or None),
        ("Driver", known.get("driver")),
        ("CUDA", known.get("cuda")),
    ]
    found += [("Lock file", f"{name} {digest[:12]}") for name, digest in (known.get("locks") or {}).items()]
    left_out = loads(code.left_out)
    found += [("Left out", f"{each['path']} ({each['why']}, {each['bytes']:,} bytes)") for each in left_out]
    more = (known.get("left_out") or 0) - len(left_out)
    if more > 0:
        found.append(("Left out", f"and {more:,} more"))
    if known.get("ignored"):
        found.append(("Ignored", f"{known['ignored']:,} files and folders, which are not kept"))
    return found
