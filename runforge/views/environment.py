"""The stored environment of a run, for people: values that look like secrets are masked."""

from runforge.documents.environment import LIMIT, digest, is_secret_variable, parse
from runforge.errors import OperationFailed
from runforge.files.durable import read_bounded
from runforge.workspace import Workspace

MASK = "********"


def masked(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables by name, in the order of their names, without the values of secrets."""
    return {
        name: MASK if is_secret_variable(name, value) else value for name, value in sorted(variables.items())
    }


def stored(workspace: Workspace, env_id: str) -> dict[str, str]:
    """Return the variables of a stored environment; OperationFailed if it is gone or was changed."""
    path = workspace.env_file(env_id)
    try:
        data = read_bounded(path, LIMIT)
    except OSError as error:
        raise _unusable(f"cannot be read: {error.strerror}", str(path)) from error
    found = parse(data) if digest(data) == env_id else None
    if found is None:
        raise _unusable("was changed", str(path))
    return found


def _unusable(what: str, where: str) -> OperationFailed:
    fix = "`runforge edit` from your shell gives the run a new environment"
    return OperationFailed(f"the stored environment {what}", where=where, fix=fix)
