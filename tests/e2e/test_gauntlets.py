"""The acceptance gauntlets, as the suite sees them."""

from __future__ import annotations

import pytest

from gauntlets.__main__ import GAUNTLETS, run_one

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("name", GAUNTLETS)
def test_gauntlet(name: str) -> None:
    report = run_one(name)
    assert report["passed"], report["error"]
