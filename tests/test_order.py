"""The slow tests are those of the list in docs/development.md; dealing them out loses none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.order import dealt

ROOT = Path(__file__).parent.parent


def _marked(path: Path) -> set[str]:
    """Return what is marked in a file: the file itself, or single tests of it."""
    text, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
    if re.search(r"^pytestmark = pytest\.mark\.slow\b", text, re.MULTILINE):
        return {name}
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    slow = [node for node in found if "pytest.mark.slow" in map(ast.unparse, node.decorator_list)]
    return {f"{name}::{node.name}" for node in slow}


def test_the_slow_tests_are_those_of_the_list() -> None:
    page = (ROOT / "docs/development.md").read_text("utf-8")
    rows = page.partition("| slow | why |\n")[2].partition("\n\n")[0]
    marked = set().union(*map(_marked, ROOT.glob("tests/**/test_*.py")))
    assert set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", rows)) == marked


@pytest.mark.parametrize("workers", [2, 3, 4, 7])
def test_each_test_is_dealt_once(request: pytest.FixtureRequest, workers: int) -> None:
    items = request.session.items
    order = dealt(items, workers)
    assert len(order) == len(items)
    assert set(order) == set(items)
