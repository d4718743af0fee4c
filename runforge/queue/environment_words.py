"""Says of an environment what a person wants to know when submitting: which one it is, and what it lacks."""

from __future__ import annotations

from runforge.documents import placeholders
from runforge.errors import InvalidRequest, Missing
from runforge.files import no_program, programs
from runforge.paths import Path
from runforge.queue.provenance import first_version, said_version
from runforge.store.daemon_holder import holder
from runforge.system import os
from runforge.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from runforge.documents.request import Request
    from runforge.queue.environment import Captured
    from runforge.workspace import Workspace

_LISTED = 4


def names_of_daemon(workspace: Workspace) -> frozenset[str] | None:
    """Return the names in the environment of the living daemon; None if there is none, or it cannot be seen."""
    found = holder(workspace)
    if found is None or found.pid is None:
        return None
    try:
        entries = Path(f"/proc/{found.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return frozenset(os.fsdecode(entry.partition(b"=")[0]) for entry in entries if entry)


def lacking(captured: Captured, daemons: Collection[str] | None) -> tuple[str, ...]:
    """Return the secrets that a run would not have, because neither the file nor the daemon has them."""
    known = captured.source_names | frozenset(daemons or ())
    return tuple(name for name in captured.secrets if name not in known)


def summary(captured: Captured, daemons: Collection[str] | None) -> str:
    """Return one line about an environment, such as `environment e3f1 (.venv, Python 3.11, 38 variables)`."""
    parts = [part for part in (_label(captured.variables), _python(captured.variables)) if part]
    count = len(captured.variables)
    parts.append(f"{count} variable{'' if count == 1 else 's'}")
    text = f"environment {captured.id[:4]} ({', '.join(parts)}{_not_kept(captured, daemons)})"
    return safe(text)


def _not_kept(captured: Captured, daemons: Collection[str] | None) -> str:
    if not captured.secrets:
        return ""
    names = captured.secrets
    listed = ", ".join(names[:_LISTED]) + (
        f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    )
    return f"; not kept: {listed}, {_where(captured, daemons, 'it' if len(names) == 1 else 'them')}"


def _where(captured: Captured, daemons: Collection[str] | None, them: str) -> str:
    lost = lacking(captured, daemons)
    if not lost:
        if captured.source_names >= set(captured.secrets):
            return f"read from {captured.source} when the run starts"
        return f"the daemon has {them}"
    fix = f"give --env-from FILE, or --env-keep {lost[0]}"
    if daemons is None:
        return f"no daemon is there that has {them}; start it from this shell, or {fix}"
    return f"and the daemon has no {', '.join(lost[:_LISTED])}: {fix}"


def _label(variables: Mapping[str, str]) -> str:
    """Return the name of the activated environment."""
    if variables.get("VIRTUAL_ENV"):
        return os.path.basename(variables["VIRTUAL_ENV"].rstrip("/"))
    if variables.get("CONDA_PREFIX"):
        name = variables.get("CONDA_DEFAULT_ENV") or os.path.basename(variables["CONDA_PREFIX"].rstrip("/"))
        return f"conda {name}"
    return ""


def _python(variables: Mapping[str, str]) -> str:
    """Return the version of the first Python on the PATH, without running it."""
    path = variables.get("PATH", "")
    file = programs.find("python", path) or programs.find("python3", path)
    if not file:
        return ""
    prefix = Path(file).parent.parent
    try:
        found = said_version(prefix) or _conda_version(prefix)
    except OSError:
        found = None
    found = found or first_version(os.path.basename(os.path.realpath(file)))
    return f"Python {'.'.join(found.split('.')[:2])}" if found else ""


def _conda_version(prefix: Path) -> str | None:
    """Return the version of Python that is installed in a conda environment."""
    folder = prefix / "conda-meta"
    names = os.listdir(folder) if folder.is_dir() else []
    found = (first_version(name) for name in sorted(names) if name.startswith("python-"))
    return next((version for version in found if version), None)


def require_program(request: Request, variables: Mapping[str, str], folder: Path) -> None:
    """Raise Missing if the program of a command cannot be found as the run will look for it, from `folder`."""
    if request.family != "command":
        return
    name = placeholders.filled(request)[0]
    path = variables.get("PATH", os.defpath)
    file = programs.find(name, path, str(folder))
    if not file and os.path.dirname(name):
        raise Missing(f"program not found: {os.path.join(folder, name)}", fix="Check the path")
    if not file:
        raise Missing(
            f"program not found: {safe(name, 80)} is in no folder of the PATH",
            fix=f"Activate its environment first, or give its full path. Searched: {safe(programs.shown(path))}",
        )
    if not os.access(file, os.X_OK):
        raise InvalidRequest(
            f"{file} is not executable", fix=f"Run `chmod +x {file}`, or name its interpreter"
        )
    wrong = no_program.wrong_first_line(file)
    if wrong:
        raise Missing(f"{file}: {wrong}")
