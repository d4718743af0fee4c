"""What Slurm says of the nodes, read from the lines of `sinfo`."""

from __future__ import annotations

import pytest

from runforge.backends.slurm import sinfo
from runforge.backends.slurm.options import partition_of


def test_a_line_is_a_node_in_a_partition() -> None:
    told = "n1|idle|main*|infinite|8|64000+|none\nn1|idle|long|7-00:00:00|8|64000|None\n\nwhat is this\n"
    first, second = sinfo.parse(told)
    assert (first.name, first.partition, first.is_default, first.mem_mb) == ("n1", "main", True, 64000)
    assert (second.partition, second.is_default, second.limit, second.reason) == (
        "long",
        False,
        "7-00:00:00",
        "",
    )
    assert sinfo.of_partition([first, second], "") == [first]
    assert sinfo.of_partition([first, second], "other,long") == [second]


def test_a_reason_is_anything_that_somebody_wrote() -> None:
    (node,) = sinfo.parse("n1|down|main*|infinite|8|64000|bad | disk\x1b[31m: [red]\n")
    assert node.reason.startswith("bad | disk")
    assert "\x1b" not in node.reason
    assert node.words() == f"n1 down ({node.reason})"


@pytest.mark.parametrize(
    ("state", "is_out"),
    [
        *(("idle", False), ("mixed", False), ("allocated", False), ("completing", False), ("idle~", False)),
        *(("mixed-", False), ("idle*", True), ("down*", True), ("drained", True), ("draining", True)),
        *(("reserved", True), ("maint", True), ("something new", True)),
    ],
)
def test_a_node_that_takes_no_jobs_is_out(state: str, is_out: bool) -> None:
    (node,) = sinfo.parse(f"n1|{state}|main*|infinite|8|64000|none")
    assert node.is_out is is_out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ""),
        (["--time=5"], ""),
        (["--partition=main", "-p", "long"], "long"),
        (["-p", "long", "--partition=a,b"], "a,b"),
        (["--partition", "main", "-plong"], "long"),
        (["-p"], ""),
    ],
)
def test_the_partition_that_is_named_last_counts(words: list[str], found: str) -> None:
    assert partition_of(words) == found
