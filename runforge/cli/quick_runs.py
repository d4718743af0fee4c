"""`show` and `why` without options but --utc, the quick way."""

from __future__ import annotations

from runforge.errors import RunForgeError
from runforge.store.look import look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.shown import RunView

    Found = TypeVar("Found")


def show(place: Place, names: Sequence[str]) -> bool:
    """Print all about each run; False if one of them cannot be found, which the full way says."""
    from runforge.cli import one_run
    from runforge.views import run_views

    def read(tx: Transaction) -> list[RunView]:
        return [run_views.read(tx, place, name) for name in _meant(tx, names)]

    found = _looked(place, read)
    if found is None:
        return False
    one_run.print_runs(place, found)
    return True


def _meant(tx: Transaction, names: Sequence[str]) -> Sequence[str]:
    """Return the names of the runs that are to be shown, by default the newest."""
    from runforge.store import plain_targets

    if not names:
        return [plain_targets.NEWEST]
    if len(names) == 1 and plain_targets.is_of_one_run(names[0]):
        return names  # the way of nearly all calls
    from runforge.store import targets

    return [job.run_id for job in targets.select(tx, names, runs_only=True).jobs]


def why(place: Place, names: Sequence[str]) -> bool:
    """Explain runs and groups, or the queue; False if one of them cannot be found."""
    from runforge.cli import why as printing
    from runforge.views import why as reasons

    found = _looked(place, lambda tx: reasons.answers(tx, place, names))
    if found is None:
        return False
    printing.print_answers(found)
    return True


def _looked(place: Place, read: Callable[[Transaction], Found]) -> Found | None:
    def found(tx: Transaction) -> Found | None:
        try:
            return read(tx)
        except RunForgeError:
            return None

    return look(place, found)
