"""Ids that were packed come out again, and a sweep's are few words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runforge.core.run_names import packed, unpacked

_IDS = st.one_of(
    st.builds("{}-sweep-{:04d}".format, st.sampled_from(["20260101-000000", "a"]), st.integers(0, 12_000)),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
)


def test_the_runs_of_a_sweep_are_one_word() -> None:
    names = [f"20260101-000000-sweep-{number:04d}" for number in range(9_990, 10_011)]
    assert packed(names) == ["20260101-000000-sweep-9990:10010"]


@given(st.lists(_IDS))
def test_they_come_out_again(names: list[str]) -> None:
    assert sorted(unpacked(packed(names))) == sorted(set(names))
