"""Killed at every named boundary: the invariants hold after the restart.

Here each point kills the first time that it is passed; `python -m gauntlets failpoints` continues until it is passed
no more.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from gauntlets import failpoints
from runforge.failpoints import POINTS

pytestmark = pytest.mark.slow

_FAMILIES = sorted({point.partition(".")[0] for point in POINTS})


@pytest.mark.parametrize("family", _FAMILIES)
def test_a_crash_breaks_no_invariant(family: str) -> None:
    points = [point for point in POINTS if point.startswith(f"{family}.")]
    # In a process of its own: it forks, and pytest has threads.
    walked = subprocess.run(
        [sys.executable, "-m", "gauntlets", "failpoints", *points, "--most", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert walked.returncode == 0, walked.stdout + walked.stderr


def test_a_point_that_is_never_passed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "try_once", lambda _point, _nth: (False, []))
    assert failpoints.walk("tx.begun") == (0, ["tx.begun was never passed: no crash there is tested"])


def test_the_walk_goes_on_until_the_point_is_passed_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "try_once", lambda _point, nth: (nth < 4, ["bad"] * (nth == 2)))
    assert failpoints.walk("tx.begun") == (3, ["tx.begun:2: bad"])
    assert failpoints.walk("tx.begun", most=2) == (2, ["tx.begun:2: bad"])
