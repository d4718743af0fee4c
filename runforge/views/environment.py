"""The stored environment of a run, for people: values that look like secrets are masked."""

import json
import re
from typing import Any

from runforge.documents.secrets import is_secret
from runforge.errors import OperationFailed
from runforge.files.durable import read_bounded
from runforge.workspace import Workspace

MASK = "********"
_LIMIT = 4 * 1024 * 1024
#: Wider than what is refused in requests: to show too little does no harm.
_NAME = re.compile(r"(?i)key|token|secret|passw|passphrase|credential|^aws_")


def masked(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables by name, in the order of their names, without the values of secrets."""
    return {name: MASK if _hides(name, value) else value for name, value in sorted(variables.items())}


def _hides(name: str, value: str) -> bool:
    return bool(value) and (_NAME.search(name) is not None or is_secret(name, value))


def stored(workspace: Workspace, env_id: str) -> dict[str, str]:
    """Return the variables of a stored environment; OperationFailed if it is gone or damaged."""
    path = workspace.state_dir / "envs" / f"{env_id}.json"
    try:
        found: Any = json.loads(read_bounded(path, _LIMIT))["variables"]
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is not what was stored"
        raise OperationFailed(
            f"the stored environment cannot be read: {reason}",
            where=str(path),
            fix="The run will not start; queue it again with `runforge rerun`",
        ) from error
