"""Runs git on somebody's working tree without touching index, stash, hooks or filters of theirs.

Every call has an end in time. Nothing here runs a program that a repository names: hooks, the file monitor and
filters are turned off, and nothing is fetched.
"""

from __future__ import annotations

import os
import time

from runforge import blocks
from runforge.later import shutil, subprocess
from runforge.named import NamedTuple
from runforge.paths import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Variables of git that say how it looks for a repository; all others are those of a hook or of a command around us.
_KEPT = ("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.logAllRefUpdates=false",
    "core.splitIndex=false",
    "commit.gpgSign=false",
    # After a power cut a ref to half an object would be in the way of the user's own git.
    "core.fsync=loose-object,reference",
    "core.fsyncMethod=batch",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
)
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "runforge"), ("EMAIL", "runforge@localhost"))
}
_TERM_SECONDS = 0.5
_MESSAGE_LIMIT = 200


class GitFailed(Exception):
    """Git cannot do it; the text says why, for a person."""


class Place(NamedTuple):
    """Where a working tree and its repository are."""

    #: The top folder of the working tree.
    root: Path
    #: The repository that all its working trees share.
    common: Path
    index_file: Path


class Git:
    """Git for one working tree, until a moment of the monotonic clock."""

    def __init__(self, folder: Path, end: float, *, index: Path | None = None) -> None:
        self._folder = folder
        self._end = end
        self._index = index
        self._filters: tuple[str, ...] = ()

    def at(self, folder: Path, *, index: Path | None = None) -> Git:
        """Return the same for another folder, perhaps with an index of its own; its filters are turned off."""
        other = Git(folder, self._end, index=index)
        other._filters = self._filters or tuple(other._off())
        return other

    def run(self, *words: str, given: bytes = b"", may_fail: bool = False) -> bytes:
        """Return what a command prints; GitFailed if it fails, or if the time is up.

        With `may_fail` an exit code of 1 gives nothing.
        """
        settings = [part for setting in (*_SETTINGS, *self._filters) for part in ("-c", setting)]
        command = ["git", *settings, "-C", str(self._folder), *words]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C ends it through its caller, which lets it clean up
            )
        except OSError as error:
            raise GitFailed(f"git cannot be started: {error.strerror}") from None
        with child:
            out, err = self._wait(child, given)
        if child.returncode == 1 and may_fail:
            return b""
        if child.returncode != 0:
            raise GitFailed(_told(err))
        return out

    def _wait(self, child: subprocess.Popen[bytes], given: bytes) -> tuple[bytes, bytes]:
        try:
            return child.communicate(given, timeout=max(0.01, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise GitFailed("git took too long") from None
        finally:
            if child.poll() is None:
                child.terminate()  # it removes its lock files then
                with blocks.suppress(subprocess.TimeoutExpired):
                    child.wait(_TERM_SECONDS)
                child.kill()

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT}
        own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1"}
        own |= {"GIT_ALLOW_PROTOCOL": "none", "GIT_PAGER": "cat", **_IDENTITY}
        if self._index is not None:
            own["GIT_INDEX_FILE"] = str(self._index)
        return {**kept, **own}

    def _off(self) -> Iterator[str]:
        """Yield settings that turn every configured filter off."""
        asked = (
            "config",
            "-z",
            "--name-only",
            "--get-regexp",
            r"^filter\..*\.(clean|smudge|process|required)$",
        )
        for name in set(_texts(self.run(*asked, may_fail=True))):
            key = name.rpartition(".")[0]
            if "=" in key or "\n" in key:
                raise GitFailed("the repository has a filter whose name cannot be turned off")
            yield f"{key}.{name.rpartition('.')[2]}={'false' if name.endswith('.required') else ''}"

    def place(self) -> Place:
        """Return where the working tree is; GitFailed where there is none."""
        words = ("--show-toplevel", "--git-common-dir", "--git-path", "index")
        found = os.fsdecode(self.run("rev-parse", *words)).splitlines()
        if len(found) != 3:
            raise GitFailed("the path of the repository cannot be read")
        return Place(*(Path(os.path.normpath(self._folder / path)) for path in found))

    def names(self, *words: str) -> list[str]:
        """Return the paths that a command lists with `-z`, each once."""
        return list(dict.fromkeys(_texts(self.run(*words, "-z"))))

    def text(self, *words: str, given: bytes = b"", may_fail: bool = False) -> str:
        """Return what a command prints, without the line's end."""
        return self.run(*words, given=given, may_fail=may_fail).decode("utf-8", "replace").strip()


def is_near(folder: Path) -> bool:
    """Return whether a folder may belong to a repository, without a call of git."""
    return any(
        os.path.lexists(each / ".git") or (each / "HEAD").is_file() for each in (folder, *folder.parents)
    )


def is_installed() -> bool:
    """Return whether git is there."""
    return shutil.which("git") is not None


def _texts(output: bytes) -> Sequence[str]:
    return [os.fsdecode(part) for part in output.split(b"\0") if part]


def _told(errors: bytes) -> str:
    """Return git's own last words, and what to do about the most common ones."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    if any("dubious ownership" in line for line in lines):
        return (
            "git does not trust the folder, because it belongs to another user; "
            "`git config --global --add safe.directory FOLDER` trusts it"
        )
    if any("must be run in a work tree" in line for line in lines):
        return "the repository has no working tree"
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return f"git says: {(fatal or lines or ['nothing'])[-1][:_MESSAGE_LIMIT]}"
