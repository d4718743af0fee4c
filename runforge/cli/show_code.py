"""The code of runs, as commands print it: what is known, and what differs from another time or run."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from runforge.cli import output
from runforge.cli.listing import run_view
from runforge.errors import OperationFailed
from runforge.machine.git import Git, GitFailed
from runforge.queue import code_tree
from runforge.store.code import Code
from runforge.text import safe_log
from runforge.views import code as codes
from runforge.workspace import Workspace

#: Somebody waits for it, but not for ever.
_SECONDS = 60.0
_WIDTH = 10


def show(here: Workspace, name: str, *, as_json: bool = False) -> int:
    """Print what is known of a run's code."""
    job = run_view(here, name).job
    code = codes.read(here, job.code_tree)
    packages = codes.packages(here, job.run_id, job.attempt)
    if as_json:
        document = {"run_id": job.run_id, "code": codes.to_json(code), "packages": packages}
        output.print_json("code", document)
    elif code is None:
        output.note(f"Nothing is known of the code of {job.run_id}: `submit` keeps it, other commands do not")
    else:
        for label, value in codes.lines(code):
            if value is not None:
                print(f"{label:<{_WIDTH}} {output.safe(value)}")
    if packages and not as_json:
        print(
            f"{'Packages':<{_WIDTH}} {len(packages):,} in the interpreter of attempt {job.attempt}; --json lists them"
        )
    return 0


def diff_to_now(here: Workspace, name: str) -> int:
    """Print what has changed in the working tree since the run was queued."""
    code = _kept(here, name)
    root = Path(code.root or "")
    try:
        with tempfile.TemporaryDirectory(prefix="runforge-code-") as folder:
            now = code_tree.now(root, Path(folder), seconds=_SECONDS)
        found = _diff(root, code.tree or "", now.tree)
    except (GitFailed, OSError) as error:
        raise OperationFailed(_text(error), where=str(root)) from None
    return _print(found)


def diff_of(here: Workspace, before: str, after: str) -> int:
    """Print what differs between the code of two runs."""
    codes_of = [_kept(here, name) for name in (before, after)]
    roots = [Path(code.root or "") for code in codes_of]
    trees = [code.tree or "" for code in codes_of]
    found = _tried(roots[0], trees)
    if isinstance(found, str) and roots[1] != roots[0]:
        found = _tried(roots[1], trees)  # it may know both trees
    if isinstance(found, str):
        where = " and ".join(dict.fromkeys(map(str, roots)))
        raise OperationFailed(f"the two trees cannot be compared: {found}", where=where)
    return _print(found)


def _tried(root: Path, trees: list[str]) -> bytes | str:
    """Return what differs, or why that cannot be said."""
    try:
        return _diff(root, *trees)
    except (GitFailed, OSError) as error:
        return _text(error)


def _text(error: Exception) -> str:
    return str((error.strerror if isinstance(error, OSError) else None) or error)


def _kept(here: Workspace, name: str) -> Code:
    job = run_view(here, name).job
    code = codes.read(here, job.code_tree)
    if code is None or code.tree is None:
        why = code.known.get("why") if code is not None else "`submit` keeps it, other commands do not"
        raise OperationFailed(f"no code of {job.run_id} was kept: {why}")
    return code


def _diff(root: Path, before: str, after: str) -> bytes:
    _, git = Git(root, time.monotonic() + _SECONDS).opened()
    return code_tree.diff(git, before, after)


def _print(found: bytes) -> int:
    """Print a patch: to a terminal as harmless text, else byte by byte, so that it can be applied."""
    if not found:
        output.note("The code is the same")
    elif output.is_terminal():
        print(safe_log(found.decode("utf-8", "replace")), end="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(found)
    return 0
