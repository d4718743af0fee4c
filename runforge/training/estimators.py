"""The hyperparameters that the installed scikit-learn's estimators take, as plain data.

Commands must not wait for scikit-learn, so they check hyperparameters with a table: `python -m
runforge.training.estimators` adds what the installed version takes to documents/estimator_table.py. A test
compares the two.
"""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any

from runforge.documents import estimator_table
from runforge.documents.hyperparameters import FAMILIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.documents.estimator_table import Rules

_HEAD = '''"""What each family's estimator takes, of what JSON can say. Made by runforge/training/estimators.py; do not edit.

A rule is ("int" or "number" or "fraction", least, is that included, most, is that included), ("choice", words),
("boolean",), ("null",), ("object",) or ("list",). A fraction is a number that is written with a point.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rule = tuple[Any, ...]
    Rules = dict[str, list[Rule]]

#: The versions of scikit-learn that it was made from: what any of them takes is in it.
'''


def estimator(family: str) -> Any:
    """Return the class of a family's estimator."""
    if family == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier
    if family == "linear_svc":
        from sklearn.svm import LinearSVC

        return LinearSVC
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression


def rules(family: str) -> Rules:
    """Return each hyperparameter that the installed estimator takes, and its values."""
    kind = estimator(family)
    constraints = kind._parameter_constraints  # noqa: SLF001 - scikit-learn says it nowhere else
    found = {
        name: {rule for constraint in constraints[name] for rule in _rules(constraint)}
        for name in kind().get_params()
    }
    return {name: sorted(found[name], key=repr) for name in sorted(found)}


def _rules(constraint: Any) -> list[tuple[Any, ...]]:
    """Return a constraint of scikit-learn as rules; none for values that JSON does not have."""
    plain: dict[Any, list[tuple[Any, ...]]] = {
        "boolean": [("boolean",)],
        "random_state": [("int", 0, True, 2**32 - 1, True)],
        "verbose": [("boolean",), ("int", 0, True, None, False)],
        "array-like": [("list",)],
        None: [("null",)],
        dict: [("object",)],
        list: [("list",)],
        Integral: [("int", None, False, None, False)],
    }
    if constraint is None or isinstance(constraint, (str, type)):
        return plain.get(constraint, [])
    name = type(constraint).__name__
    if name == "StrOptions":
        return [("choice", *sorted(constraint.options))]
    if name == "Interval":
        kinds = {"Integral": "int", "Real": "number", "RealNotInt": "fraction"}
        least, most, closed = _end(constraint.left), _end(constraint.right), constraint.closed
        with_least = least is not None and closed in {"left", "both"}
        with_most = most is not None and closed in {"right", "both"}
        return [(kinds[constraint.type.__name__], least, with_least, most, with_most)]
    return []


def _end(value: Any) -> Any:
    """Return the end of an interval; None if it has no finite end."""
    return None if value is None or value in {float("inf"), float("-inf")} else value


def _write(path: Path) -> None:
    """Add what the installed scikit-learn takes to the table; the project's formatter formats it."""
    import sklearn

    here = sklearn.__version__
    table: dict[str, Rules] = {}
    partly: dict[str, dict[str, tuple[str, ...]]] = {}
    versions = tuple(sorted({*estimator_table.VERSIONS, here}))
    for family in FAMILIES:
        if family == "command":
            continue
        old, new = estimator_table.TABLE.get(family, {}), rules(family)
        had = estimator_table.PARTLY.get(family, {})
        table[family] = {
            name: sorted({*old.get(name, ()), *new.get(name, ())}, key=repr) for name in sorted({*old, *new})
        }
        holders = {
            name: {
                *(had.get(name, estimator_table.VERSIONS) if name in old else ()),
                *([here] * (name in new)),
            }
            for name in table[family]
        }
        partly[family] = {name: tuple(sorted(h)) for name, h in holders.items() if len(h) < len(versions)}
    path.write_text(
        f"{_HEAD}VERSIONS: tuple[str, ...] = {versions!r}\n\n"
        f"#: The names that not all of them know, and those that do.\n"
        f"PARTLY: dict[str, dict[str, tuple[str, ...]]] = {partly!r}\n\n"
        f"TABLE: dict[str, Rules] = {table!r}\n"
    )


if __name__ == "__main__":
    _write(Path(estimator_table.__file__))
