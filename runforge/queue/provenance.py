"""What a run is made of when it is queued: its code, its interpreter, lock files and drivers.

Nothing of it keeps a run from being queued: what cannot be kept, or would take too long, is left out with the reason.
"""

from __future__ import annotations

import stat
import time

from runforge import blocks, failpoints, light_json
from runforge.digest import sha256_of
from runforge.errors import OperationFailed
from runforge.files import programs
from runforge.files.durable import TEMPORARY_PREFIX, fsync_dir, make_dir, read_if_there, sync_trees
from runforge.later import ctypes, module, pattern, shutil
from runforge.paths import Path
from runforge.store.code import Code, still_used, trees
from runforge.store.opening import open_journal
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from runforge.machine import git
    from runforge.queue import code_tree
    from runforge.workspace import Workspace
else:
    git = module("runforge.machine.git")  # most of it is needed in a repository alone
    code_tree = module("runforge.queue.code_tree")

_LOCK_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "pylock.toml"),
    *("requirements.txt", "requirements.lock", "environment.yml", "environment.yaml"),
)
_LOCK_LIMIT = 8 << 20
_DRIVER = Path("/proc/driver/nvidia/version")
_EXPORT_SECONDS = 120.0
#: Git's own words for a tree or commit.
_OBJECT = pattern(r"[0-9a-f]{40}([0-9a-f]{24})?")


def capture(
    workspace: Workspace,
    folder: Path,
    command: Sequence[str] | str,
    variables: Mapping[str, str],
    *,
    seconds: float | None = None,
) -> Code:
    """Keep the code of the folder in which a command starts; return what is known of it."""
    facts = dict(_facts(folder, command, variables))
    if not _is_near_repository(folder):
        return _unkept(folder, facts, "the folder is in no git repository")
    try:
        seconds = code_tree.SECONDS if seconds is None else seconds
        kept = code_tree.keep(folder, workspace.hidden, workspace.root, seconds=seconds)
    except (git.GitFailed, OSError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else str(error)
        return _unkept(folder, facts, why)
    failpoints.hit("code.kept")
    facts |= _locks(kept.root)
    facts |= {"left_out": kept.left_out_count, "ignored": kept.ignored_count}
    return Code(
        kept.tree,
        str(kept.root),
        os.path.relpath(os.path.realpath(folder), os.path.realpath(kept.root)),
        kept.commit,
        kept.branch,
        kept.is_dirty,
        _json(kept.left_out),
        _json(facts),
    )


def _unkept(folder: Path, facts: dict[str, Any], why: str) -> Code:
    return Code(None, None, str(folder), None, None, False, "[]", _json({**facts, "why": why}))


def _is_near_repository(folder: Path) -> bool:
    """Return whether a folder may belong to a repository, without a call of git."""
    return any(
        os.path.lexists(each / ".git") or (each / "HEAD").is_file() for each in (folder, *folder.parents)
    )


def ensure_kept(workspace: Workspace, code: Code) -> None:
    """Keep the tree again if a prune has let it go while its run was being queued."""
    if code.tree is None or code.root is None:
        return
    with blocks.suppress(git.GitFailed, OSError):
        if code_tree.is_loose(Path(code.root, ".git"), code.tree):
            return  # in most repositories it is there
        work = git.Git(Path(code.root), time.monotonic() + code_tree.SECONDS)
        if not code_tree.is_loose(work.place().common, code.tree):
            code_tree.hold(work, code.tree, code.commit, workspace.root)


def _json(value: Any) -> str:
    return light_json.dumps(value, sort_keys=True)


# --- what is known besides the code ------------------------------------------------------------------


def _facts(
    folder: Path, command: Sequence[str] | str, variables: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    python = interpreter(folder, command, variables)
    if python is not None:
        yield "python", {"path": str(python), "version": _version(python)}
    yield from _locks(folder).items()
    driver = _driver()
    if driver is not None:
        yield "driver", driver
        yield "cuda", _cuda()


def interpreter(folder: Path, command: Sequence[str] | str, variables: Mapping[str, str]) -> Path | None:
    """Return the Python that a command most likely runs in; None if there is none."""
    program = command.split()[0] if isinstance(command, str) and command.split() else (command or [""])[0]
    path = variables.get("PATH", os.defpath)
    if os.path.basename(program).rstrip("0123456789.") == "python":
        found = _program(program, path, folder)
        return Path(os.path.abspath(found)) if found else None
    places = [variables.get(name, "") for name in ("VIRTUAL_ENV", "CONDA_PREFIX")]
    for place in [*places, str(folder / ".venv")]:
        if place and os.access(Path(place, "bin/python"), os.X_OK):
            return Path(place, "bin/python")
    found = _program("python", path, folder) or _program("python3", path, folder)
    return Path(found) if found else None


def _program(name: str, path: str, folder: Path) -> str:
    """Return the file of a program that can be executed; an empty text if there is none."""
    found = programs.find(name, path, str(folder))
    return found if found and os.access(found, os.X_OK) else ""


def _version(python: Path) -> str | None:
    """Return the version of an interpreter without starting it."""
    said = said_version(python.parent.parent)
    return said or first_version("/".join(os.path.realpath(python).split("/")[-4:]))


def said_version(prefix: Path) -> str | None:
    """Return the version of Python that a virtual environment says of itself."""
    data = read_if_there(prefix / "pyvenv.cfg", 65536) or b""
    for line in data.decode("utf-8", "replace").splitlines():
        name, _, text = line.partition("=")
        if name.strip() in {"version", "version_info"} and (said := first_version(text)):
            return said
    return None


def first_version(text: str) -> str | None:
    """Return the first two or three numbers with dots between them, such as 3.11 or 3.11.7."""
    for piece in "".join(each if each in "0123456789." else " " for each in text).split():
        numbers = piece.split(".")
        for place in range(len(numbers) - 1):
            if numbers[place] and numbers[place + 1]:
                return ".".join(number for number in numbers[place : place + 3] if number)
    return None


def _locks(folder: Path) -> dict[str, Any]:
    """Return the digests of the lock files in a folder, by their paths."""
    found = {}
    for name in _LOCK_FILES:
        with blocks.suppress(OSError):
            path = folder / name
            if stat.S_ISREG(os.stat(path).st_mode) and os.stat(path).st_size <= _LOCK_LIMIT:
                found[name] = sha256_of(path.read_bytes())
    return {"locks": found} if found else {}


def _driver() -> str | None:
    with blocks.suppress(OSError, ValueError):
        for word in _DRIVER.read_text("ascii").split():
            first, dot, rest = word.partition(".")
            if dot and first.isdigit() and rest and not rest.strip("0123456789."):
                return word
    return None


def _cuda() -> str | None:
    """Return the newest CUDA version that the driver knows; nothing is started on a GPU."""
    number = ctypes.c_int()
    try:
        if ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def let_go(workspace: Workspace, gone: Sequence[tuple[str, str]]) -> None:
    """Remove the refs and the exported files of trees that no job needs, while nobody writes the journal.

    A kill in between leaves a ref, and files that are exported again when they are wanted.
    """
    if not gone:
        return
    with open_journal(workspace) as journal, journal.locked(), journal.read() as tx:
        used = trees(tx)
        for tree, root in gone:
            if _OBJECT.fullmatch(tree):
                _let_go(workspace, tree, root, is_known=still_used(tx, tree, root), is_used=tree in used)


def _let_go(workspace: Workspace, tree: str, root: str, *, is_known: bool, is_used: bool) -> None:
    if not is_known:
        with blocks.suppress(git.GitFailed, OSError):
            work = git.Git(Path(root), time.monotonic() + code_tree.SECONDS)
            code_tree.release(work, tree, workspace.root)
    if not is_used:
        shutil.rmtree(workspace.code_dir / tree, ignore_errors=True)


# --- snapshots -------------------------------------------------------------------------------------


def export(workspace: Workspace, code: Code) -> Path:
    """Write the files of the code into `.runforge/code/<tree>`, once; return where a run starts there.

    They are durable when this returns. OperationFailed if there is no tree, or not any more.
    """
    if code.tree is None or code.root is None or not _OBJECT.fullmatch(code.tree):
        why = code.known.get("why") or "nothing is known of it"
        raise OperationFailed(f"no code was kept: {why}", fix="Start it in a git repository, or without")
    place = workspace.code_dir / code.tree
    if not place.is_dir():
        make_dir(workspace.code_dir)
        temporary = workspace.hidden / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
        try:
            code_tree.write_out(
                git.Git(Path(code.root), time.monotonic() + _EXPORT_SECONDS), code.tree, temporary
            )
            sync_trees([temporary])
            failpoints.hit("code.exported")
            try:
                os.rename(temporary, place)
            except OSError:
                if not place.is_dir():  # another process was faster
                    raise
            fsync_dir(workspace.code_dir)
        except (git.GitFailed, OSError) as error:
            text = error.strerror if isinstance(error, OSError) else error
            raise OperationFailed(
                f"the code of then cannot be written out: {text}", where=code.root
            ) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Path(os.path.normpath(place / code.folder))


def is_exported(workspace: Workspace, folder: str | None) -> bool:
    """Return whether a run starts in exported files."""
    return folder is not None and Path(folder).is_relative_to(workspace.code_dir)
