"""Which code a new run starts with that is made from an old one: as the old one, that of then, or that of now."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from runforge.core.records import Job
from runforge.documents.request import Request
from runforge.errors import OperationFailed, RunForgeError
from runforge.queue import provenance
from runforge.queue.edit_wish import Edit, Environment, variables_of
from runforge.store.code import Code
from runforge.workspace import Workspace

THEN, NOW = "then", "now"
_FOLDER = "model.folder"


class Codes:
    """Finds the code of new runs; the same folder is looked at once."""

    def __init__(self, workspace: Workspace, which: str | None, known: Mapping[str, Code]) -> None:
        self._workspace = workspace
        self._which = which
        #: The code of old runs, by its id.
        self._known = known
        self._captured: dict[tuple[object, ...], Code] = {}

    def edited(self, old: Job, before: Request, wish: Edit) -> Edit:
        """Return the edit with the folder that the new run starts in. OperationFailed if there is no code of then."""
        code = self._known.get(old.code_tree or "")
        if wish.fields.get(_FOLDER) is not None or before.family != "command":
            return wish
        is_exported = provenance.is_exported(self._workspace, before.folder)
        if self._which == THEN:
            if code is None:
                raise OperationFailed(
                    f"nothing is known of the code of run {old.seq}",
                    fix="Leave --code then out: that is as now",
                )
            return _in_folder(wish, provenance.export(self._workspace, code))
        if self._which == NOW and is_exported and code is not None and code.root is not None:
            return _in_folder(wish, Path(os.path.normpath(os.path.join(code.root, code.folder))))
        if is_exported and code is not None:  # somebody may have deleted it
            provenance.export(self._workspace, code)
        return wish

    def of(self, old: Job, request: Request, environment: Environment | None) -> Code | None:
        """Return the code of a new run with this request; None where nothing was known of the old one's."""
        code = self._known.get(old.code_tree or "")
        if provenance.is_exported(self._workspace, request.folder):
            return code
        if request.family != "command" or (code is None and self._which is None):
            return None
        folder = request.folder or os.path.join(self._workspace.root, request.cwd or "")
        key = (folder, request.command[0], request.env_id)
        if key not in self._captured:
            variables = self._variables(request, environment)
            self._captured[key] = provenance.capture(
                self._workspace, Path(folder), request.command, variables
            )
        return self._captured[key]

    def _variables(self, request: Request, environment: Environment | None) -> Mapping[str, str]:
        if environment is not None and environment.captured is not None:
            return environment.captured.variables
        with contextlib.suppress(RunForgeError):
            if request.env_id is not None:
                return variables_of(self._workspace, request.env_id)
        return os.environ


def _in_folder(wish: Edit, folder: Path) -> Edit:
    return wish._replace(fields={**wish.fields, _FOLDER: str(folder), "model.cwd": None})
