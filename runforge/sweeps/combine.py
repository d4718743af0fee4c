"""The runs of a sweep from the command line: rows times axes, some of them paired. Counted before made. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from runforge.errors import InvalidPlan, InvalidRequest
from runforge.sweeps.values import Varied
from runforge.text import did_you_mean


class Sweep(NamedTuple):
    """What is varied: the rows of a file, and bundles of axes that vary together."""

    rows: tuple[dict[str, Any], ...]
    bundles: tuple[tuple[Varied, ...], ...]

    @property
    def number(self) -> int:
        """How many runs it makes."""
        return max(1, len(self.rows)) * math.prod(bundle[0].number for bundle in self.bundles)

    @property
    def keys(self) -> list[str]:
        """The names of what is varied, each once."""
        of_axes = [axis.key for bundle in self.bundles for axis in bundle]
        return list(dict.fromkeys([key for row in self.rows for key in row] + of_axes))

    @property
    def is_grid(self) -> bool:
        """Whether every combination of its axes is a run."""
        return not self.rows and all(len(bundle) == 1 for bundle in self.bundles)

    def axes(self) -> list[tuple[str, list[Any]]]:
        """Return each axis of a grid with its values."""
        return [(bundle[0].key, bundle[0].values()) for bundle in self.bundles]

    def runs(self) -> list[dict[str, Any]]:
        """Return what each run varies; the last axis varies fastest."""
        parts: list[Sequence[dict[str, Any]]] = [self.rows] if self.rows else []
        for bundle in self.bundles:
            columns = [[(axis.key, value) for value in axis.values()] for axis in bundle]
            parts.append([dict(pairs) for pairs in zip(*columns, strict=True)])
        made = itertools.product(*parts)
        return [{key: value for part in parts_of_run for key, value in part.items()} for parts_of_run in made]


def combine(
    axes: Sequence[Varied], pairs: Sequence[str], rows: Sequence[dict[str, Any]], limit: int
) -> Sweep:
    """Return the sweep of the axes, those named together in `--zip` paired, times the rows.

    InvalidRequest for a name that appears twice and for pairs of unequal length, InvalidPlan above the limit.
    """
    _require_once(axes, rows)
    sweep = Sweep(tuple(rows), tuple(_bundles({axis.key: axis for axis in axes}, pairs)))
    if sweep.number > limit:
        shown = f"{sweep.number:,}" if sweep.number < 10**15 else "far too many"
        raise InvalidPlan(
            f"the sweep makes {shown} runs, the limit is {limit:,}",
            where="submit",
            fix=f"Give fewer values, or raise the limit with --max-runs {sweep.number}"
            if sweep.number <= 10**6
            else "Give fewer values",
        )
    return sweep


def _require_once(axes: Sequence[Varied], rows: Sequence[dict[str, Any]]) -> None:
    seen = {key: "--from" for row in rows for key in row}
    for axis in axes:
        other = seen.get(axis.key)
        if other is not None:
            raise InvalidRequest(
                f"{axis.key} is varied twice",
                where=f"-S {axis.key}",
                fix="Give all its values in one -S: a,b,c"
                if other == "-S"
                else "Remove it here or in --from",
            )
        seen[axis.key] = "-S"
        _require_no_parent(axis.key, [key for key in seen if key != axis.key])


def _require_no_parent(key: str, others: list[str]) -> None:
    for other in others:
        if key.startswith(f"{other}.") or other.startswith(f"{key}."):
            message = f"{key} and {other} cannot both be varied: one is inside the other"
            raise InvalidRequest(message, where=f"-S {key}", fix="Vary only the inner ones")


def _bundles(axes: dict[str, Varied], pairs: Sequence[str]) -> list[tuple[Varied, ...]]:
    """Return the axes in their order, each paired one at the place of the first of its pair."""
    bundle_of: dict[str, tuple[Varied, ...]] = {key: (axis,) for key, axis in axes.items()}
    paired: set[str] = set()
    for text in pairs:
        keys = [key.strip() for key in text.split(",")]
        bundle = _bundle(axes, keys, f"--zip {text[:60]}", paired)
        paired.update(keys)
        bundle_of.update(dict.fromkeys(keys, bundle))
    return list({id(bundle): bundle for bundle in bundle_of.values()}.values())


def _bundle(axes: dict[str, Varied], keys: list[str], where: str, paired: set[str]) -> tuple[Varied, ...]:
    for key in keys:
        if key not in axes:
            fix = did_you_mean(key, axes) or f"Add -S {key or 'lr'}=..."
            raise InvalidRequest(f"{key[:60]!r} is not given by -S", where=where, fix=fix)
        if key in paired or keys.count(key) > 1:
            raise InvalidRequest(f"{key} is paired twice", where=where, fix="Name each parameter once")
    if len(keys) == 1:
        raise InvalidRequest("a pair needs two names", where=where, fix="Write --zip lr,wd")
    lengths = {key: axes[key].number for key in keys}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {number}" for key, number in lengths.items())
        raise InvalidRequest(f"the values cannot be paired: {told}", where=where, fix="Give equally many")
    return tuple(axes[key] for key in keys)
