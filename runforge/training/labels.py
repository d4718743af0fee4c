"""The label column: whether its values are classes, or a quantity that is not for a classifier.

The rule is that of scikit-learn: numbers with decimals are for regression, and so are whole numbers with more
different values than half the rows. `dataset.label_type` "class" says that they are classes.
"""

from __future__ import annotations

import math

from runforge.errors import InvalidRequest
from runforge.training.columns import MISSING, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

#: Up to this many different numbers always count as classes.
_FEW = 20
_ROWS_PER_CLASS = 10
_SHOWN = 40


def require_classes(counts: Mapping[str, int], label: str, label_type: str | None, where: str) -> None:
    """Raise InvalidRequest if the labels are a quantity, unless the request says that they are classes."""
    reason = None if label_type == "class" else _quantity(counts)
    if reason is not None:
        raise InvalidRequest(
            f"the label column {label!r:.80} looks like a quantity, which is for regression, not for classes: "
            f"{reason}",
            where=where,
            fix='If they are classes, set dataset.label_type "class"; otherwise name another label column',
        )


def _quantity(counts: Mapping[str, int]) -> str | None:
    values = [value for value in counts if value.lower() not in MISSING]
    numbers = [_value(value) for value in values]
    if not values or any(math.isnan(number) for number in numbers):
        return None
    fraction = next((v for v, n in zip(values, numbers, strict=True) if n != math.floor(n)), None)
    if fraction is not None:
        return f"it has decimals such as {fraction[:_SHOWN]}"
    rows, different = sum(counts[value] for value in values), len(set(numbers))
    has_points = any(not value.lstrip("+-").isdigit() for value in values)
    most = rows / (_ROWS_PER_CLASS if has_points else 2)
    if different > max(_FEW, most):
        return f"it has {different} different values in {rows} rows"
    return None


def _value(cell: str) -> float:
    """Return a label as a number, with a decimal point or comma; NaN if it is not a plain number."""
    plain = cell.replace(",", ".", 1) if cell.count(",") == 1 and "." not in cell else cell
    value = float(plain) if is_plain(plain) else math.nan
    return value if math.isfinite(value) else math.nan


def notes(counts: Mapping[str, int], left_out: int) -> list[str]:
    """Return notes about the labels of a training."""
    told = []
    if left_out:
        told.append(f"{left_out} {'row has' if left_out == 1 else 'rows have'} no label and are left out")
    words = sorted(value for value in counts if value.lower() in MISSING)
    if words:
        shown = ", ".join(f"{word!r} ({counts[word]} rows)" for word in words)
        told.append(f"taken as a class of its own: {shown}")
    rows = sum(counts.values())
    if len(counts) > max(_FEW, rows / _ROWS_PER_CLASS):
        told.append(f"{len(counts)} classes in {rows} rows: there are only few rows for each class")
    return told


def class_weights(given: Any, classes: Iterable[str], where: str = "model.hyperparameters") -> Any:
    """Return class weights by the numbers of the encoded classes; other values stay unchanged.

    Raises InvalidRequest for a name that is not a class.
    """
    if not isinstance(given, dict):
        return given
    numbers = {name: number for number, name in enumerate(classes)}
    unknown = next((name for name in given if name not in numbers), None)
    if unknown is not None:
        shown = ", ".join(list(numbers)[:_FEW])
        raise InvalidRequest(
            f"class_weight: {unknown!r:.60} is not a class; the classes are {shown:.400}", where=where
        )
    return {numbers[name]: weight for name, weight in given.items()}
