"""The environment that an attempt runs in: a stored one, or the daemon's; and the file that is read at launch.

A stored environment replaces the daemon's. Secrets are in none: their values come from the file, else from the
daemon, when the attempt starts, and are written nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runforge.documents import environment as stored
from runforge.documents.request_options import EnvironmentRef
from runforge.errors import Missing, OperationFailed
from runforge.files.durable import read_bounded
from runforge.workspace import Workspace

#: What stays the daemon's if RunForge does not set it: a run that asks for a GPU where RunForge knows none.
_DEVICES = "CUDA_VISIBLE_DEVICES"


class EnvironmentFiles(NamedTuple):
    """Where an attempt's environment comes from. Without a file it is the daemon's."""

    file: Path | None = None
    sha: str | None = None
    #: The file of `NAME=value` lines.
    source: Path | None = None
    #: The names that the daemon adds to a stored environment.
    secrets: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """Return it as in the spec."""
        file, source = (str(path) if path is not None else None for path in (self.file, self.source))
        return {**self._asdict(), "file": file, "source": source}


DAEMONS = EnvironmentFiles()


def of_request(workspace: Workspace, ref: EnvironmentRef | None) -> EnvironmentFiles:
    """Return the files that a request names."""
    if ref is None:
        return DAEMONS
    file = workspace.env_file(ref.id) if ref.id is not None else None
    return EnvironmentFiles(file, ref.id, Path(ref.source) if ref.source is not None else None, ref.secrets)


def variables(files: EnvironmentFiles, own: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment, without what RunForge itself sets; `own` is the daemon's.

    Raises Missing or OperationFailed for a lost, changed or wrong file, OSError if it cannot be read now.
    """
    given = _from_source(files.source)
    if files.file is None:
        return {**own, **given} if given else own
    names = (*files.secrets, _DEVICES)
    return {**_stored(files), **{name: own[name] for name in names if name in own}, **given}


def _stored(files: EnvironmentFiles) -> dict[str, str]:
    fix = "`runforge submit` or `runforge edit` from your shell gives the run a new environment"
    try:
        data = read_bounded(files.file or Path(), stored.LIMIT)
    except FileNotFoundError:
        raise Missing(f"the run's environment is lost: {files.file} is missing", fix=fix) from None
    found = stored.parse(data) if stored.digest(data) == files.sha else None
    if found is None:
        raise OperationFailed(f"the run's environment was changed: {files.file}", fix=fix)
    return found


def _from_source(source: Path | None) -> dict[str, str]:
    if source is None:
        return {}
    try:
        data = read_bounded(source.resolve(), stored.LIMIT)
    except FileNotFoundError:
        raise Missing(
            f"{source} is missing, from which the run takes variables at each launch",
            fix="Put it back, or change the run with `runforge edit RUN --env-from FILE`",
        ) from None
    return stored.lines(data, str(source))
