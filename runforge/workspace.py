"""The paths in a workspace (docs/contract.md, section 1), and how a workspace is found.

Knows every path below `.runforge`. Refuses folders that are missing or belong to another user.
"""

from __future__ import annotations

from runforge import ids
from runforge.errors import Missing
from runforge.files import state_folder
from runforge.files.durable import make_dir, make_way, refuse_link
from runforge.named import NamedTuple
from runforge.paths import Path
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.place import Place

VARIABLE = "RUNFORGE_WORKSPACE"
#: "1" lets root start a queue in another user's folder.
AS_ROOT = "RUNFORGE_AS_ROOT"


class Workspace(NamedTuple):
    """One workspace: its root, and the folder of the journal and the locks."""

    root: Path
    state_dir: Path
    #: Another user's, to look at: nothing in it is written, and nothing that it says is executed.
    only_look: bool = False

    @property
    def hidden(self) -> Path:
        """`.runforge` in the root: exports and run folders."""
        return self.root / ".runforge"

    @property
    def journal(self) -> Path:
        """The SQLite journal, the one source of truth."""
        return self.state_dir / "runforge.db"

    @property
    def write_lock(self) -> Path:
        """Locked while a process writes the journal, for one transaction."""
        return self.state_dir / "runforge.lock"

    @property
    def queue_dir(self) -> Path:
        """Exports of the queue and the daemon's log."""
        return self.hidden / "queue"

    @property
    def queue_json(self) -> Path:
        """Export of every job."""
        return self.queue_dir / "queue.json"

    @property
    def daemon_json(self) -> Path:
        """Export of the daemon's status and heartbeat."""
        return self.queue_dir / "daemon.json"

    @property
    def daemon_log(self) -> Path:
        """What a detached daemon prints."""
        return self.queue_dir / "daemon.log"

    @property
    def daemon_lock(self) -> Path:
        """Held by the running daemon; in the folder of the journal if that is elsewhere."""
        return self._private("daemon.lock")

    @property
    def queue_map(self) -> Path:
        """Where each part of queue.json begins, for the next process that writes it."""
        return self.queue_dir / "queue.map"

    @property
    def export_lock(self) -> Path:
        """Held while a process writes the exports."""
        return self._private("export.lock")

    @property
    def notices_lock(self) -> Path:
        """Held while a process sends notices."""
        return self._private("notices.lock")

    @property
    def doorbell(self) -> Path:
        """Datagram socket on which commands wake the daemon."""
        return self._private("doorbell.sock")

    def _private(self, name: str) -> Path:
        return (self.queue_dir if self.state_dir == self.hidden else self.state_dir) / name

    def group_dir(self, group_id: str) -> Path:
        """Folder of a group's exports."""
        return self.hidden / "groups" / group_id

    @property
    def runs_dir(self) -> Path:
        """Folder of the run folders."""
        return self.hidden / "runs"

    def run_dir(self, run_id: str) -> Path:
        """Folder of a run made here."""
        return self.runs_dir / run_id

    @property
    def attempts_dir(self) -> Path:
        """The folder of the attempts' protocol files: where the nodes of a cluster see it, if runs are there."""
        hidden = self.hidden
        if self.state_dir != hidden and (shared := hidden / "attempts").is_dir():
            return shared
        return self.state_dir / "attempts"

    def share_attempts(self) -> None:
        """Keep the attempts' folders in the workspace from now on, wherever journal and locks are."""
        make_dir(self.hidden / "attempts")

    def attempt_dir(self, run_id: str, attempt: int) -> Path:
        """Folder of one attempt's lock, start marker, spec and exit record."""
        return self.attempts_dir / run_id / str(attempt)

    @property
    def envs_dir(self) -> Path:
        """Folder of the stored environments."""
        return self.hidden / "envs"

    def env_file(self, env_id: str) -> Path:
        """File of one stored environment; the id is the digest of its content."""
        return self.envs_dir / f"{env_id}.json"

    @property
    def code_dir(self) -> Path:
        """Folder of the trees of code that runs start in."""
        return self.hidden / "code"

    def find_run_dir(self, run_id: str) -> Path | None:
        """Return the run's folder here or where older clients keep them (`.ml/runs`)."""
        ids.checked(run_id, what="run id")
        for parent in (self.runs_dir, self.root / ".ml" / "runs"):
            refuse_link(parent / run_id)
            if (parent / run_id).is_dir():
                return parent / run_id
        return None

    def prepare(self) -> None:
        """Create the folders that every command needs; Missing if the state folder is not there."""
        state_folder.require_there(self.root, self.state_dir)
        make_way(self.attempts_dir, 0)
        for folder in (self.queue_dir, self.hidden / "groups", self.runs_dir, self.attempts_dir):
            make_dir(folder)

    def relative(self, path: Path) -> str:
        """Return a path as text: relative to the root if it is below it, else absolute."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return str(path)


def of_place(here: Workspace | Place) -> Workspace:
    """Return the workspace of a command that has gone the quick way."""
    return here if isinstance(here, Workspace) else Workspace(Path(here.root), Path(here.state_dir))


def at(root: Path, *, state_dir: Path | None = None, only_look: bool = False) -> Workspace:
    """Return the workspace at a folder; Missing if the folder is not there. With `only_look` it may be another user's.

    `state_dir` puts the journal and the locks into another folder, for a workspace on a network file system.
    The choice is kept in `.runforge/state_dir`.
    """
    try:
        resolved = root.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # ValueError: the locale has no such characters
        raise Missing(
            f"workspace not found: {root}",
            fix="Check the path, or create one with `runforge init <folder>`",
        ) from None
    if not resolved.is_dir():
        raise Missing(f"workspace is not a folder: {root}", fix="Give the folder that holds it")
    hidden = resolved / ".runforge"
    if only_look and hidden.is_dir() and _is_of_others(hidden):
        return Workspace(resolved, state_folder.find(resolved, None), only_look=True)
    require_own(resolved)
    if state_dir is not None:
        _check_owner(state_dir.expanduser().resolve())
    found = state_folder.find(resolved, state_dir)
    if found != hidden:
        _check_owner(found)
    return Workspace(resolved, found)


def require_own(root: Path) -> None:
    """Raise Missing for a folder in which this user should have no queue. Changes nothing."""
    _check_owner(root / ".runforge")
    _check_root(root)


def _is_of_others(folder: Path) -> bool:
    """Return whether a state folder is another user's. One that cannot be read is an error for people."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Missing(
            f"{folder} cannot be read by this user",
            fix=f"Its owner can allow it: chmod -R go+rX {folder}",
        )
    return os.lstat(folder).st_uid != os.geteuid()


def _check_owner(folder: Path) -> None:
    """Refuse a state folder that is a link or another user's, also as root: its content gets executed."""
    try:
        info = os.lstat(folder)
    except FileNotFoundError:
        return
    if folder.is_symlink():
        raise Missing(f"{folder} is a symbolic link", fix="RunForge needs a real folder there")
    if info.st_uid != os.geteuid():
        owner = _name(info.st_uid)
        is_root = os.geteuid() == 0
        raise Missing(
            f"{folder} belongs to another user ({owner})",
            fix=f"Work as that user: `{_as_user(info.st_uid)}`"
            if is_root
            else "Work in a workspace of your own",
        )
    if info.st_mode & 0o022:
        raise Missing(
            f"{folder} may be written by other users",
            fix=f"Run `chmod go-w {folder}` if you trust what is in it",
        )


def _check_root(root: Path) -> None:
    """Refuse root in another user's folder without a queue: queue and runs would belong to root."""
    owner = os.stat(root).st_uid
    if (
        os.geteuid() != 0
        or owner == 0
        or os.path.lexists(root / ".runforge")
        or os.environ.get(AS_ROOT) == "1"
    ):
        return
    raise Missing(
        f"{root} belongs to {_name(owner)}; as root RunForge would make a `.runforge` there that is root's, with runs"
        " that are executed as root, and its owner could not use it",
        fix=f"Work as its owner (`{_as_user(owner)}`), or set {AS_ROOT}=1 if that is what you want",
    )


def _name(uid: int) -> str:
    known = _account(uid)
    return f"{known}, uid {uid}" if known else f"uid {uid}"


def _as_user(uid: int) -> str:
    return f"sudo -u {_account(uid) or f'#{uid}'} runforge ..."


def _account(uid: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def find(given: Path | None, *, state_dir: Path | None = None, only_look: bool = False) -> Workspace:
    """Return the given workspace, else $RUNFORGE_WORKSPACE, else the nearest one upwards."""
    if given is not None:
        return at(given, state_dir=state_dir, only_look=only_look)
    variable = os.environ.get(VARIABLE)
    if variable:
        return at(Path(variable), state_dir=state_dir, only_look=only_look)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".runforge").is_dir():
            return at(folder, state_dir=state_dir, only_look=only_look)
    raise Missing(
        f"no workspace in {here} or above it",
        fix=f"Give --workspace, set ${VARIABLE}, or make one here with `runforge init --bare`",
    )
