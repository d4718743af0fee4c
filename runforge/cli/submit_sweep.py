"""The sweep that the options of `submit` ask for: what is varied, how its runs are drawn, and by what they are ranked."""

from __future__ import annotations

from runforge.documents.request_options import Objective
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.queue.ordering import Searched
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli.submit_given import Given
    from runforge.paths import Path
    from runforge.sweeps.combine import Sweep

_DIRECTIONS = {"min": "minimize", "max": "maximize", "minimize": "minimize", "maximize": "maximize"}
#: A search counts its trials, not the combinations that its space has.
_ANY_NUMBER = 10**400


def sweep_and_search(given: Given) -> tuple[Sweep | None, Searched | None]:
    """Return what is varied, None for a single run, and how the runs are drawn, None for every combination."""
    _require_search(given, is_sweep=bool(given.sweep or given.rows or given.zipped))
    return _sweep(given), _search(given)


def _require_search(given: Given, *, is_sweep: bool) -> None:
    """Refuse options of searches and repeats that mean nothing without others."""
    searches = [(f"--{name}", getattr(given, name)) for name in ("random", "tpe")]
    asked = [option for option, number in searches if number is not None]
    if len(asked) > 1:
        raise InvalidRequest("--random and --tpe are given", fix="Give one of the two")
    if asked and not given.sweep:
        fix = "Add -S lr=1e-5..1e-1:log, for example"
        raise InvalidRequest(f"{asked[0]} needs a space to search", fix=fix)
    if asked and (given.rows is not None or given.zipped):
        other = "--zip" if given.zipped else "--from"
        raise InvalidRequest(f"{other} names every run, and {asked[0]} draws them", fix="Give one of the two")
    if given.seed is not None and not asked:
        raise InvalidRequest("--seed is about --random and --tpe", fix="Add one of them, or -S seed=1..5")
    if given.tpe is not None and given.metric is None:
        fix = "Add --metric val/loss:min, for example"
        raise InvalidRequest("--tpe must know which metric to optimise", fix=fix)
    _require_sweep(given, is_sweep=is_sweep)
    if given.tpe is not None and not _has_optuna():
        fix = "pip install 'runforge[optuna]'; --random N needs nothing"
        raise OperationFailed("--tpe needs Optuna, which is not installed", fix=fix)


def _has_optuna() -> bool:
    import importlib.util

    return importlib.util.find_spec("optuna") is not None


def _require_sweep(given: Given, *, is_sweep: bool) -> None:
    """Refuse options of sweeps that mean nothing without one, or without a metric."""
    of_sweeps = (
        ("--repeat", given.repeat > 1),
        ("--allow-duplicates", given.allow_duplicates),
        ("--stop", given.stop is not None),
        ("--keep-artifacts", given.keep_artifacts is not None),
    )
    for option, is_given in of_sweeps:
        if is_given and not is_sweep:
            raise InvalidRequest(f"{option} is about a sweep", fix="Add -S KEY=VALUES")
    compares = [
        ("--stop", given.stop not in {None, "off"}),
        ("--keep-artifacts", given.keep_artifacts is not None),
    ]
    for option, is_given in compares:
        if is_given and given.metric is None:
            fix = "Add --metric val/loss:min, for example"
            raise InvalidRequest(f"{option} must know by which metric runs are compared", fix=fix)


def _search(given: Given) -> Searched | None:
    """Return how the runs are drawn; None for every combination."""
    if given.random is not None:
        return Searched("random", given.random, given.seed or 0)
    return None if given.tpe is None else Searched("tpe", given.tpe, given.seed or 0)


def _sweep(given: Given) -> Sweep | None:
    """Return what is varied; None for a single run."""
    if not (given.sweep or given.rows or given.zipped):
        return None
    if (
        given.rows is not None
        and given.request is not None
        and {str(given.rows), str(given.request)} == {"-"}
    ):
        raise InvalidRequest(
            "--from and --request cannot both read standard input", fix="Give a file for one"
        )
    from runforge.sweeps import values  # a single run needs none of it
    from runforge.sweeps.combine import combine

    table = [] if given.rows is None else _rows(given.rows)
    axes = [values.parse(text) for text in given.sweep]
    if _search(given) is not None:
        return combine(axes, (), (), _ANY_NUMBER)
    axes = [values.require_values(axis) for axis in axes]
    return combine(axes, given.zipped, table, given.max_runs)


def _rows(path: Path) -> list[dict[str, Any]]:
    from runforge.files.given import read_given, shown
    from runforge.sweeps import rows

    where = f"--from {shown(path)}"
    try:
        data = read_given(path, rows.ROWS_LIMIT)
    except FileNotFoundError:
        raise Missing("file not found", where=where, fix="Check the path; `-` is standard input") from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(f"it cannot be read: {reason}", where=where) from None
    return rows.parse(data, where=where)


def objective_of(text: str) -> Objective:
    """Return what `NAME[:min|max]` means; the name may say which."""
    name, colon, side = text.rpartition(":")
    if colon and name and side in _DIRECTIONS:
        return Objective(name, _DIRECTIONS[side])
    if not (name if colon else text).strip():
        raise InvalidRequest("--metric is empty", fix="Write val/loss:min or val/acc:max")
    hint = did_you_mean(side, _DIRECTIONS) if colon else ""
    if hint:
        raise InvalidRequest(f"{side!r} is no direction", where=f"--metric {text[:60]}", fix=hint)
    from runforge.core.ranking import direction_of_name

    direction = direction_of_name(text)
    if direction is None:
        raise InvalidRequest(
            f"it is unknown whether {text[:60]} is better high or low",
            where=f"--metric {text[:60]}",
            fix=f"Write {text[:60]}:min or {text[:60]}:max",
        )
    return Objective(text, direction)
