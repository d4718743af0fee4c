"""Daemons of the tests warm no zygote with scikit-learn; with `as_installed` they do."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOOK = "from runforge.backends.local import launcher; print(launcher.WARMUP)"


def _warmed() -> str:
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_is_cold() -> None:
    assert _warmed() == "runforge.training.outcome"


@pytest.mark.usefixtures("as_installed")
def test_as_installed_it_is_warm() -> None:
    assert _warmed() == "runforge.training.warmup"
