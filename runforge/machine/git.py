"""Runs git on somebody's working tree without touching index, stash, hooks or filters of theirs.

Every call has an end in time. Nothing here runs a program that a repository names: hooks, the file monitor and
filters are turned off, and nothing is fetched.
"""

from __future__ import annotations

from runforge.later import module
from runforge.named import NamedTuple
from runforge.paths import Path
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runforge.machine import program_output
else:
    program_output = module("runforge.machine.program_output")

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
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "runforge"), ("EMAIL", "runforge@localhost"))
}
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


class Object(NamedTuple):
    """An object of a repository."""

    name: str
    data: bytes


class Call:
    """A command of git that was begun. It is ended with the block that it is for."""

    def __init__(self, program: program_output.Program, end: float) -> None:
        self._program = program
        self._end = end

    def __enter__(self) -> Call:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
        return self

    def __exit__(self, *error: object) -> None:
        self._program.__exit__(*error)

    def output(self, given: bytes = b"", *, may_fail: bool = False) -> bytes:
        """Return what it prints until its end; see `Git.run`."""
        try:
            said = self._program.output(given, self._end)
        except program_output.TimeUp:
            raise GitFailed("git took too long") from None
        if said.code == 1 and may_fail:
            return b""
        if said.code != 0:
            raise GitFailed(_told(said.err))
        return said.out


class Git:
    """Git for one working tree, until a moment of the monotonic clock."""

    def __init__(self, folder: Path, end: float, *, index: Path | None = None) -> None:
        self._folder = folder
        self._end = end
        self._index = index
        #: Settings that turn filters off, once they are known.
        self._filters: tuple[str, ...] | None = None

    def with_index(self, index: Path) -> Git:
        """Return the same with an index of its own."""
        other = Git(self._folder, self._end, index=index)
        other._filters = self._filters
        return other

    def opened(self) -> tuple[Place, Git]:
        """Return where the working tree is, and git for all of it, with its filters turned off.

        GitFailed where there is none.
        """
        with self.begun("config", "-z", "--name-only", "--get-regexp", _FILTERS) as configured:
            place = self.place()
            whole = Git(place.root, self._end)
            whole._filters = tuple(_off(configured.output(may_fail=True)))
        return place, whole

    def run(self, *words: str, given: bytes = b"", may_fail: bool = False) -> bytes:
        """Return what a command prints; GitFailed if it fails, or if the time is up.

        With `may_fail` an exit code of 1 gives nothing.
        """
        with self.begun(*words) as call:
            return call.output(given, may_fail=may_fail)

    def begun(self, *words: str) -> Call:
        """Begin a command that runs beside others during a block; GitFailed if that cannot be done."""
        settings = [part for setting in (*_SETTINGS, *(self._filters or ())) for part in ("-c", setting)]
        command = ["git", *settings, "-C", str(self._folder), *words]
        try:
            return Call(program_output.Program(command, self._environment()), self._end)
        except FileNotFoundError:
            raise GitFailed("git is not installed") from None
        except OSError as error:
            raise GitFailed(f"git cannot be started: {error.strerror}") from None

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT}
        own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1"}
        own |= {"GIT_ALLOW_PROTOCOL": "none", "GIT_PAGER": "cat", **_IDENTITY}
        if self._index is not None:
            own["GIT_INDEX_FILE"] = str(self._index)
        return {**kept, **own}

    def place(self) -> Place:
        """Return where the working tree is; GitFailed where there is none."""
        words = ("--show-toplevel", "--git-common-dir", "--git-path", "index")
        found = os.fsdecode(self.run("rev-parse", *words)).splitlines()
        if len(found) != 3:
            raise GitFailed("the path of the repository cannot be read")
        return Place(*(Path(os.path.normpath(self._folder / path)) for path in found))

    def objects(self, *names: str) -> list[Object | None]:
        """Return the objects that these names mean, each None if there is none."""
        given = "".join(f"{name}\n" for name in names).encode()
        output, found = self.run("cat-file", "--batch", given=given), list[Object | None]()
        for _ in names:
            line, _, output = output.partition(b"\n")
            words = line.split()
            if len(words) == 3 and words[2].isdigit():  # its name, its kind, its size; or why it is missing
                size = int(words[2])
                found.append(Object(words[0].decode("ascii"), output[:size]))
                output = output[size + 1 :]
            else:
                found.append(None)
        return found

    def names(self, *words: str) -> list[str]:
        """Return the paths that a command lists with `-z`, each once."""
        return list(dict.fromkeys(texts(self.run(*words, "-z"))))

    def text(self, *words: str, given: bytes = b"", may_fail: bool = False) -> str:
        """Return what a command prints, without the line's end."""
        return self.run(*words, given=given, may_fail=may_fail).decode("utf-8", "replace").strip()


def _off(names: bytes) -> Iterator[str]:
    """Yield settings that turn filters off, whose settings have these names."""
    for name in set(texts(names)):
        key = name.rpartition(".")[0]
        if "=" in key or "\n" in key:
            raise GitFailed("the repository has a filter whose name cannot be turned off")
        yield f"{key}.{name.rpartition('.')[2]}={'false' if name.endswith('.required') else ''}"


def texts(output: bytes) -> Sequence[str]:
    """Return what a command has listed with `-z`."""
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
