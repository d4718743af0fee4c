"""Names and ids: their shape, and which are refused."""

from __future__ import annotations

import pytest

from runforge import ids
from runforge.errors import InvalidRequest


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-dash", "a..b", "x" * 129, "a\n", "ü"])
def test_identifiers_from_outside_are_checked(name: str) -> None:
    with pytest.raises(InvalidRequest):
        ids.checked(name, what="run id")


def test_ids_have_the_contracts_shape() -> None:
    now = "2026-11-23T17:05:09.123Z"
    assert ids.job_id(now, 7) == "job_20261123_170509_0007"
    assert ids.sweep_run_id(now, 12345) == "20261123-170509-sweep-12345"
    assert ids.group_id(now, "my sweep: the very long one") == "grp_20261123_170509_my_sweep__the_very_l"
