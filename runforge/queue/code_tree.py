"""Keeps a working tree as it is as objects of its repository, under `refs/runforge/<tree>`.

The user's index, stash and branches stay untouched: the tree is made with an index of its own. Untracked files are
included; ignored, large and unreadable ones are left out and counted.
"""

from __future__ import annotations

import stat
import time

from runforge import blocks
from runforge.files.durable import TEMPORARY_PREFIX, write_new
from runforge.machine.git import Call, Git, GitFailed, Place, texts
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runforge.paths import Path

FILE_LIMIT = 5 << 20
ALL_LIMIT = 50 << 20
#: A submit waits at most this long for git.
SECONDS = 2.0
_REFS = "refs/runforge"
#: What the queue itself writes is no code.
_OWN = (".runforge", ".ml")
_MOST_NAMED = 20
_TRIES = 4
_HOLDER = "workspace: "
_HEADS = "refs/heads/"
#: What the file HEAD says in a repository that keeps its refs in tables.
_ELSEWHERE = "refs/heads/.invalid"


class Tree(NamedTuple):
    """A working tree that was kept."""

    tree: str
    root: Path
    commit: str | None
    branch: str | None
    is_dirty: bool
    #: Names and sizes of files that are not in it, the first of them.
    left_out: list[dict[str, Any]]
    #: How many are not in it, and how many files and folders are ignored.
    left_out_count: int
    ignored_count: int | None


def keep(folder: Path, hidden: Path, holder: Path, *, seconds: float = SECONDS) -> Tree:
    """Keep the tree that a folder belongs to; `hidden` is for temporary files, `holder` the workspace.

    GitFailed, with the reason, if that cannot be done in time.
    """
    place, own = Git(folder, time.monotonic() + seconds).opened()
    found, ref = _write(own, place, hidden)
    if ref is None or str(holder) not in _holders(ref):
        hold(own, found.tree, found.commit, holder)
    return found


def now(folder: Path, hidden: Path, *, seconds: float = SECONDS) -> Tree:
    """Return the tree of a folder as it is now. Its objects are written, and nothing keeps them."""
    place, own = Git(folder, time.monotonic() + seconds).opened()
    return _write(own, place, hidden)[0]


def _write(git: Git, place: Place, hidden: Path) -> tuple[Tree, bytes | None]:
    """Write the tree of a working tree; return it, and the commit of its ref if there is one."""
    with _own_index(hidden) as index:
        # With what git knows of unchanged files, so that it reads only the others.
        _copy_index(place.index_file, index)
        own = git.with_index(index)
        with own.begun("ls-files", "-o", "-i", "--exclude-standard", "--directory", "-z") as ignoring:
            chosen, left_out = _choose(own, place.root)
            listed = b"".join(os.fsencode(name) + b"\0" for name in chosen)
            if chosen:
                own.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", given=listed)
            tree = own.text("write-tree")
            ignored = _ignored(ignoring)
        head, of_head, ref = own.objects("HEAD^{commit}", "HEAD^{tree}", f"{_REFS}/{tree}")
        found = Tree(
            tree,
            place.root,
            None if head is None else head.name,
            _branch(own, place),
            of_head is None or tree != of_head.name or bool(left_out),
            left_out[:_MOST_NAMED],
            len(left_out),
            ignored,
        )
        return found, None if ref is None else ref.data


def _copy_index(index: Path, copy: Path) -> None:
    """Copy an index if there is one, with its time: git reads each file that is not older than its index."""
    try:
        with open(index, "rb") as file:
            info = os.fstat(file.fileno())
            write_new(copy, file.read(), durable=False)
    except FileNotFoundError:
        return
    os.utime(copy, ns=(info.st_atime_ns, info.st_mtime_ns))


def _branch(git: Git, place: Place) -> str | None:
    """Return the branch that a working tree is on; None if it is on none."""
    head = (place.index_file.parent / "HEAD").read_bytes().decode("utf-8", "replace")
    if not head.startswith("ref:"):
        return None
    name = head[len("ref:") :].strip()
    if not name.startswith(_HEADS) or name == _ELSEWHERE:
        name = git.text("symbolic-ref", "-q", "HEAD", may_fail=True)
    return name.removeprefix(_HEADS) or None


@blocks.contextmanager
def _own_index(hidden: Path) -> Iterator[Path]:
    """Yield the path of an index; a killed process leaves a folder that is cleaned up as others are."""
    folder = hidden / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    folder.mkdir(0o700)
    try:
        yield folder / "index"
    finally:
        with blocks.suppress(OSError):
            for name in os.listdir(folder):
                (folder / name).unlink(missing_ok=True)
            os.rmdir(folder)


def _choose(git: Git, root: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the changed and untracked files that belong into the tree, and those that are left out."""
    excluded = [word for name in _OWN for word in ("-x", f"{name}/")]
    names = git.names("ls-files", "-m", "-o", "--exclude-standard", *excluded)
    sized, chosen, left_out = [], [], []
    for name in names:
        if any(part in _OWN for part in name.split("/")):
            continue
        why, size = _look(root / name, is_repository=name.endswith("/"))
        if why is None:
            sized.append((size, name))
        else:
            left_out.append({"path": _shown(name), "bytes": size, "why": why})
    total = 0
    for size, name in sorted(sized):  # as many as there is room for
        total += size
        if total <= ALL_LIMIT:
            chosen.append(name)
        else:
            left_out.append({"path": _shown(name), "bytes": size, "why": "too much together"})
    return chosen, left_out


def _look(path: Path, *, is_repository: bool) -> tuple[str | None, int]:
    """Return why a file is left out, or None; and its size."""
    if is_repository:
        return "a repository of its own", 0
    try:
        info = os.lstat(path)
    except OSError:
        return None, 0  # it was deleted
    if stat.S_ISREG(info.st_mode):
        if info.st_size > FILE_LIMIT:
            return "too large", info.st_size
        if not os.access(path, os.R_OK):
            return "not readable", info.st_size
        return None, info.st_size
    return None, 0


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _ignored(ignoring: Call) -> int | None:
    """Return how many ignored files and folders git lists; None if there is no time to count them."""
    try:
        names = dict.fromkeys(texts(ignoring.output()))
    except GitFailed:
        return None
    return sum(not any(part in _OWN for part in name.split("/")) for name in names)


# --- refs ------------------------------------------------------------------------------------------


def hold(git: Git, tree: str, parent: str | None, holder: Path) -> None:
    """Let a ref keep a tree, and the commit that it came from, for a workspace; others may keep it too."""
    ref = f"{_REFS}/{tree}"
    for _ in range(_TRIES):
        old, holders = _held(git, ref)
        if str(holder) in holders:
            return
        if _replace(git, ref, old, _commit(git, tree, parent, [*holders, str(holder)])):
            return
    raise GitFailed(f"{ref} is changed by others again and again")


def release(git: Git, tree: str, holder: Path) -> None:
    """Let a workspace no longer keep a tree; the ref goes with its last holder."""
    ref = f"{_REFS}/{tree}"
    for _ in range(_TRIES):
        old, holders = _held(git, ref)
        if old is None:
            return
        left = [each for each in holders if each != str(holder)]
        if left == holders:
            return
        if not left:
            git.run("update-ref", "-d", ref, old)
            return
        parent = git.text("rev-parse", "-q", "--verify", f"{old}^", may_fail=True)
        if _replace(git, ref, old, _commit(git, tree, parent or None, left)):
            return


def is_loose(common: Path, tree: str) -> bool:
    """Return whether the ref is surely in a repository, without a call of git."""
    return (common / _REFS / tree).is_file()


def _held(git: Git, ref: str) -> tuple[str | None, list[str]]:
    """Return the commit of a ref, and the workspaces that it is kept for."""
    old = git.text("rev-parse", "-q", "--verify", ref, may_fail=True)
    if not old:
        return None, []
    return old, _holders(git.run("cat-file", "commit", old))


def _holders(commit: bytes) -> list[str]:
    lines = commit.decode("utf-8", "replace").strip().splitlines()
    return [line[len(_HOLDER) :] for line in lines if line.startswith(_HOLDER)]


def _commit(git: Git, tree: str, parent: str | None, holders: list[str]) -> str:
    message = "\n".join(["Kept by runforge", "", *(f"{_HOLDER}{each}" for each in holders)])
    parents = () if parent is None else ("-p", parent)
    return git.text("commit-tree", tree, *parents, given=os.fsencode(message))


def _replace(git: Git, ref: str, old: str | None, new: str) -> bool:
    """Set a ref if it is still as it was; return whether it was set."""
    try:
        git.run("update-ref", ref, new, old or "0" * len(new))
    except GitFailed:
        if _held(git, ref)[0] == old:
            raise
        return False
    return True


# --- export ----------------------------------------------------------------------------------------


def write_out(git: Git, tree: str, target: Path) -> None:
    """Write the files of a tree into a new folder."""
    target.mkdir(0o700)
    index = target.with_name(f"{target.name}.index")
    try:
        own = git.opened()[1].with_index(index)
        own.run("read-tree", tree)
        own.run("checkout-index", "-a", "-f", f"--prefix={target}/")
    finally:
        for path in (index, index.with_name(f"{index.name}.lock")):
            path.unlink(missing_ok=True)


def diff(git: Git, before: str, after: str, *paths: str) -> bytes:
    """Return what differs between two trees, as git prints it."""
    plain = ("--no-ext-diff", "--no-textconv", "--no-color", "-M")
    return git.run("diff", *plain, before, after, "--", *paths)
