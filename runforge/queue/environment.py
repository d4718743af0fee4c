"""Takes the environment of the submitting shell and stores it, once for each content, before any job needs it.

What belongs to the terminal is left out, and what looks like a secret: only its name is noted. The value comes when
the run starts (attempts/environment.py).
"""

from __future__ import annotations

import time

from runforge import failpoints
from runforge.documents import environment as stored
from runforge.errors import InvalidRequest, Missing
from runforge.files.durable import fsync_dir, make_dir, read_bounded, read_if_there, write_atomic
from runforge.named import NamedTuple
from runforge.paths import Path
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace

#: What belongs to the terminal, or what RunForge sets itself.
_TERMINALS = frozenset(
    {
        *("TERM", "COLORTERM", "COLUMNS", "LINES", "LS_COLORS", "PS1", "PS2", "WINDOWID", "GPG_TTY", "STY"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SESSION_MANAGER", "DESKTOP_SESSION"),
        *("PWD", "OLDPWD", "SHLVL", "_", "CUDA_VISIBLE_DEVICES"),
    }
)
_TERMINALS_PREFIXES = ("TERM_", "SSH_", "TMUX", "XDG_", "DBUS_", "VSCODE_", "RUNFORGE_")
#: `XDG_CACHE_HOME` and the like say where programs keep their files; they belong to no session.
_KEPT_SUFFIXES = ("_HOME", "_DIRS")
#: A stored environment without a job stays this long: a submission may be about to use it.
_UNUSED_SECONDS = 3600.0


class Captured(NamedTuple):
    """An environment, ready to be stored."""

    variables: dict[str, str]
    #: Names that were left out because they look like secrets.
    secrets: tuple[str, ...] = ()
    #: The file of `NAME=value` lines that is read at each launch, and its names.
    source: Path | None = None
    source_names: frozenset[str] = frozenset()
    #: The content of its file.
    data: bytes = b""

    @property
    def id(self) -> str:
        """The digest of its content."""
        return stored.digest(self.data)

    def document(self) -> dict[str, Any]:
        """Return the field `environment` of a request."""
        source = str(self.source) if self.source is not None else None
        return {"id": self.id, "from": source, "secrets": list(self.secrets)}


def capture(
    shell: Mapping[str, str],
    overrides: Sequence[str] = (),
    *,
    keep: Collection[str] = (),
    source: Path | None = None,
) -> Captured:
    """Return the environment of a shell for runs; `overrides` are `NAME=value`, `keep` the secrets to store.

    Raises InvalidRequest for a wrong override or name, Missing if `source` is not there.
    """
    given = dict(_override(text, keep) for text in overrides)
    whole = {name: value for name, value in shell.items() if not _is_terminals(name)} | given
    for name in keep:
        if name not in whole:
            raise InvalidRequest(f"--env-keep {name:.60}: there is no such variable", fix="Export it first")
    secrets = sorted(
        name
        for name, value in whole.items()
        if name not in keep and name not in given and stored.is_secret_variable(name, value)
    )
    variables = {name: value for name, value in whole.items() if name not in secrets}
    names = frozenset(_names_in(source)) if source is not None else frozenset()
    data = stored.encode(variables)
    if len(data) > stored.LIMIT:
        raise InvalidRequest("the environment is larger than 4 MiB", fix="Unset what the run does not need")
    return Captured(variables, tuple(secrets), source and Path(os.path.abspath(source)), names, data)


def _is_terminals(name: str) -> bool:
    if name.startswith("XDG_") and name.endswith(_KEPT_SUFFIXES):
        return False
    return name in _TERMINALS or name.startswith(_TERMINALS_PREFIXES)


def _override(text: str, keep: Collection[str]) -> tuple[str, str]:
    name, is_given, value = text.partition("=")
    if not is_given or not stored.is_name(name):
        raise InvalidRequest(f"--env {name[:60]!r} is not NAME=value", fix="For example --env SEED=3")
    if name == "CUDA_VISIBLE_DEVICES" or name.startswith("RUNFORGE_"):
        raise InvalidRequest(f"--env {name:.60}: RunForge sets it itself", fix="Ask for GPUs with --gpus N")
    if name not in keep and stored.is_secret_variable(name, value):
        raise InvalidRequest(
            f"--env {name:.60} looks like a secret, and the environment is stored in a file",
            fix=f"Put it in a file for --env-from; `--env-keep {name:.60}` stores it all the same",
        )
    return name, value


def _names_in(source: Path) -> Iterator[str]:
    try:
        data = read_bounded(source.resolve(), stored.LIMIT)
    except FileNotFoundError:
        raise Missing(f"--env-from {source} is missing", fix="Check the path") from None
    except (OSError, RuntimeError) as error:
        raise InvalidRequest(f"--env-from {source} cannot be read: {error}") from error
    from runforge.files.given import shown

    yield from stored.lines(data, shown(source))


def keep(workspace: Workspace, captured: Captured) -> str:
    """Store an environment unless it is stored already; return its id. It is durable when this returns."""
    data, path = captured.data, workspace.env_file(captured.id)
    if not workspace.envs_dir.is_dir():
        make_dir(workspace.envs_dir)
        fsync_dir(workspace.hidden)
    if read_if_there(path, stored.LIMIT) == data:
        os.utime(path)  # it is in use again, so `forget_unused` leaves it
        fsync_dir(path.parent)  # it was synced before it had its name; then its writer may have been killed
    else:
        write_atomic(path, data)
    failpoints.hit("environment.kept")
    return captured.id


def forget_unused(workspace: Workspace, tx: Transaction) -> int:
    """Delete the stored environments that no job names, inside a transaction that writes; return how many.

    One that was stored or used within the last hour stays: its job may not be committed yet.
    """
    try:
        names = os.listdir(workspace.envs_dir)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    used = {f"{row['env_id']}.json" for row in tx.rows("jobs.environments")}
    before = time.time() - _UNUSED_SECONDS
    unused = [workspace.envs_dir / name for name in names if name not in used]
    gone = [path for path in unused if path.lstat().st_mtime < before]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
