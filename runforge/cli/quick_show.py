"""`show` without options but --utc, the quick way."""

from __future__ import annotations

from runforge.cli import one_run
from runforge.errors import RunForgeError
from runforge.store import targets
from runforge.store.look import look
from runforge.views import run_views

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.shown import RunView


def answer(place: Place, names: Sequence[str]) -> bool:
    """Print all about each run; False if one of them is left to the full way, or cannot be found."""

    def read(tx: Transaction) -> list[RunView] | None:
        try:
            return [run_views.read(tx, place, name) for name in targets.runs_meant(tx, names)]
        except RunForgeError:  # the full way says it
            return None

    found = look(place, read)
    if found is None or any(view.job.frozen_at and view.job.gpus for view in found):
        return False  # of frozen runs the devices are asked
    one_run.print_runs(place, found)
    return True
