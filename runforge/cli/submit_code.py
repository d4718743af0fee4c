"""The code of what `submit` queues: kept as it is, and with --snapshot also what the runs start in."""

from __future__ import annotations

from runforge import light_json
from runforge.errors import OperationFailed
from runforge.later import module
from runforge.paths import Path
from runforge.queue import provenance
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.cli import output
    from runforge.queue.ordering import Order
    from runforge.store.code import Code
    from runforge.workspace import Workspace
else:
    output = module("runforge.cli.output")

_MOST_NAMED = 3


def with_code(here: Workspace, order: Order, *, is_asked: bool, is_usual: bool) -> Order:
    """Return the order with its code, and for a snapshot with the folder that it starts in."""
    model = order.request["model"]
    folder = model.get("folder")
    if model.get("family") != "command" or folder is None:
        if is_asked:
            raise OperationFailed("--snapshot needs a command that starts in a folder", fix="Give -C FOLDER")
        return order
    variables = os.environ if order.environment is None else order.environment.variables
    code = provenance.capture(here, Path(folder), model["command"], variables)
    if is_asked or (is_usual and code.tree is not None):
        start = provenance.export(here, code)
        order = order._replace(request={**order.request, "model": {**model, "folder": str(start)}})
        _tell_left_out(code)
    elif is_usual:
        output.note(f"No snapshot: {code.known.get('why')}; the runs start in {output.safe(folder)}")
    return order._replace(code=code, submission=order.submission._replace(code_tree=code.id))


def _tell_left_out(code: Code) -> None:
    """Say which files the runs will miss."""
    count = code.known.get("left_out") or 0
    if count:
        named = ", ".join(str(each["path"]) for each in light_json.loads(code.left_out)[:_MOST_NAMED])
        more = ", ..." if count > _MOST_NAMED else ""
        files = "1 file is" if count == 1 else f"{count:,} files are"
        output.note(output.safe(f"{files} not in the snapshot, for their size or rights: {named}{more}"))
