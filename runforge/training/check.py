"""The checks of a request that need its dataset; they are quick, so they run before anything is queued."""

from __future__ import annotations

from runforge.errors import InvalidRequest, Missing
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from runforge.documents.request import Request
    from runforge.paths import Path
    from runforge.training.table import Table

#: How many characters of a dataset are checked; the training reads all of them.
LOOK = 16 * 1024 * 1024


def check_request(request: Request, workspace: Path, *, is_quoting: bool = True) -> None:
    """Raise Missing or InvalidRequest if the run could not train on its dataset.

    It reads only the first 16 MiB. A command's dataset is not checked. The error may quote the file's header,
    unless `is_quoting` is false, for callers that store the message.
    """
    if request.family == "command" or request.dataset_path is None:
        _check_folder(request, workspace)
        return
    from runforge.training.labels import class_weights, require_classes
    from runforge.training.table import open_table

    path = workspace / request.dataset_path
    label = str(request.label_column)
    with open_table(path, request.separator) as table:
        counts, is_whole = _count(table, table.find(label, is_quoting=is_quoting))
    require_classes(counts, label, request.label_type, str(path))
    if is_whole:
        _require_two(counts, label, path)
        class_weights(request.hyperparameters.get("class_weight"), sorted(counts), str(path))


def check_datasets(requests: Iterable[Request], workspace: Path) -> None:
    """Check each dataset of a sweep once for each way to read it."""
    seen: set[str] = set()
    for request in requests:
        key = repr(
            (
                request.raw.get("dataset"),
                request.cwd,
                request.folder,
                request.hyperparameters.get("class_weight"),
            )
        )
        if key not in seen:
            seen.add(key)
            check_request(request, workspace)


def _count(table: Table, at: int) -> tuple[Counter[str], bool]:
    """Return how often each label occurs, and whether the file was read to its end."""
    from collections import Counter

    seen: Counter[str] = Counter()
    is_whole = True
    for _, row in table.rows():
        seen[row[at].strip()] += 1
        if table.total > LOOK:
            is_whole = False
            break
    del seen[""]
    return seen, is_whole


def _check_folder(request: Request, workspace: Path) -> None:
    if request.folder is not None and not os.path.isdir(request.folder):
        raise Missing(f"the folder {request.folder} is missing", fix="A command starts in model.folder")
    if request.cwd is not None and not (workspace / request.cwd).is_dir():
        raise InvalidRequest(
            f"model.cwd {request.cwd!r:.100} is not a folder in the workspace", where=str(workspace)
        )


def _require_two(seen: Counter[str], label: str, path: Path) -> None:
    if sum(times >= 2 for times in seen.values()) >= 2:
        return
    if not seen:
        raise InvalidRequest("the dataset has no rows with a label", where=str(path))
    if len(seen) == 1:
        raise InvalidRequest(
            f"the label column {label!r} has one class only ({next(iter(seen))!r:.60})",
            where=str(path),
            fix="A classifier needs at least two",
        )
    raise InvalidRequest(
        f"the label column {label!r} needs two classes with two rows each",
        where=str(path),
        fix="Is it the right column?",
    )
