"""The slow tests are those of the list in docs/development.md; dealing them out loses none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.order import dealt

ROOT = Path(__file__).parent.parent


def test_the_slow_files_are_those_of_the_list() -> None:
    page = (ROOT / "docs/development.md").read_text("utf-8")
    rows = page.partition("| slow | why |\n")[2].partition("\n\n")[0]
    marked = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("tests/**/test_*.py")
        if re.search(r"^pytestmark = pytest\.mark\.slow\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert set(re.findall(r"`(tests/[\w/]+\.py)`", rows)) == marked


@pytest.mark.parametrize("workers", [2, 3, 4, 7])
def test_each_test_is_dealt_once(request: pytest.FixtureRequest, workers: int) -> None:
    items = request.session.items
    order = dealt(items, workers)
    assert len(order) == len(items)
    assert set(order) == set(items)
