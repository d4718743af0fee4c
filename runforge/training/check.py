"""The checks of a request that need its dataset: cheap enough to make before anything is queued."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from runforge.documents.request import Request
from runforge.errors import InvalidRequest
from runforge.training.table import is_missing, label_index, rows

#: Rows looked at when the labels stay the same; the training itself sees them all.
_LOOK = 200_000


def check_request(request: Request, workspace: Path) -> None:
    """Raise Missing or InvalidRequest where the run could not train on its dataset.

    Reads no more than it needs: it stops once two classes have two rows each. A command's dataset is
    the command's own business.
    """
    if request.family == "command" or request.dataset_path is None:
        _check_cwd(request, workspace)
        return
    path = workspace / request.dataset_path
    with rows(path) as (names, body):
        label = label_index(path, names, str(request.label_column))
        if len(names) < 2:
            raise InvalidRequest("the dataset has no column but the label", where=str(path))
        seen: Counter[str] = Counter()
        for number, (_, row) in enumerate(body):
            if len(row) > label and not is_missing(row[label]):
                seen[row[label].strip()] += 1
            if sum(times >= 2 for times in seen.values()) >= 2 or number >= _LOOK:
                return
    _refuse(seen, str(request.label_column), path)


def _check_cwd(request: Request, workspace: Path) -> None:
    if request.cwd is not None and not (workspace / request.cwd).is_dir():
        raise InvalidRequest(
            f"model.cwd {request.cwd!r:.100} is no folder in the workspace", where=str(workspace)
        )


def _refuse(seen: Counter[str], label: str, path: Path) -> None:
    if not seen:
        raise InvalidRequest("the dataset has no rows with a label", where=str(path))
    if len(seen) == 1:
        raise InvalidRequest(
            f"the label column {label!r} has one class only ({next(iter(seen))!r:.60})",
            where=str(path),
            fix="A classifier needs two at the least",
        )
    raise InvalidRequest(
        f"the label column {label!r} needs two classes with two rows each",
        where=str(path),
        fix="Is it the right column?",
    )
