"""squeue's lines become rows by name; of an attempt's several jobs the right one is chosen."""

from __future__ import annotations

import pytest

from runforge.backends.slurm import listing
from runforge.backends.slurm.listing import parse

TEXT = """\
12|PENDING|Priority||rf-abcd1234-0123456789ab-run-a.1
13|RUNNING|None|n1|rf-abcd1234-0123456789cd-run-b.1
14|TIMEOUT|TimeLimit|n[1-2]|rf-abcd1234-0123456789ef-run-c.2
15|PENDING|Nodes required for job are DOWN, DRAINED||rf-abcd1234-0123456789ff-run-d.1
16_3|RUNNING|None|n2|somebody's array
"""


def test_rows_by_name() -> None:
    found = parse(TEXT)
    assert found["rf-abcd1234-0123456789ab-run-a.1"][:4] == ("12", "PENDING", "Priority", "")
    assert found["rf-abcd1234-0123456789cd-run-b.1"][:4] == ("13", "RUNNING", "", "n1")
    assert found["rf-abcd1234-0123456789ef-run-c.2"][:4] == ("14", "TIMEOUT", "TimeLimit", "n[1-2]")
    assert found["rf-abcd1234-0123456789ff-run-d.1"].reason == "Nodes required for job are DOWN, DRAINED"
    assert found["somebody's array"].job_id == "16_3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "JOBID|STATE|REASON|NODELIST|NAME\n",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
        "12|PENDING|Priority\n",
        "12 PENDING Priority  rf-a\n",
    ],
)
def test_other_lines_are_left_out(text: str) -> None:
    assert parse(text) == {}


def test_a_name_of_a_users_own_job_may_be_anything() -> None:
    found = parse(
        "7|RUNNING|None|n1|a|b|c\nsecond line of a name\n8|RUNNING|None|n1|\n9|RUNNING|None|n1|rf-x\n"
    )
    assert {name: row.job_id for name, row in found.items()} == {"a|b|c": "7", "": "8", "rf-x": "9"}


@pytest.mark.parametrize(
    ("states", "began", "chosen"),
    [
        (["7 PENDING"], None, "7"),
        (["7 FAILED", "8 PENDING"], None, "8"),
        (["8 PENDING", "7 RUNNING"], None, "7"),
        (["9 FAILED", "10 FAILED"], None, "10"),  # the newest, by number
        (["7 SOMETHING_NEW", "8 PENDING"], None, "7"),
        # The one that began is meant, although the other lives.
        (["7 NODE_FAIL", "8 RUNNING"], "7", "7"),
        (["8 RUNNING", "7 NODE_FAIL", "9 PENDING"], "7", "7"),
        # The one that began is forgotten; what is left was refused by the claim.
        (["8 RUNNING"], "7", "8"),
    ],
)
def test_which_of_several_jobs_tells(states: list[str], began: str | None, chosen: str) -> None:
    lines = [f"{job_id}|{state}|None||rf-x" for job_id, state in map(str.split, states)]
    assert parse("\n".join(lines), {"rf-x": began} if began else None)["rf-x"].job_id == chosen


def test_each_state_is_of_one_kind() -> None:
    kinds = (listing.WAITING, listing.ACTIVE, listing.OVER)
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))
    assert parse("7|TIMEOUT|||x")["x"].is_over
    assert not parse("7|COMPLETING|||x")["x"].is_over
    assert not parse("7|A_LATER_WORD|||x")["x"].is_over


def test_some_reasons_never_pass() -> None:
    assert all(
        map(listing.is_hopeless, ("PartitionTimeLimit", "BadConstraints", "InvalidQOS", "PartitionConfig"))
    )
    assert not any(
        map(listing.is_hopeless, ("Priority", "Resources", "PartitionDown", "QOSMaxJobsPerUserLimit", ""))
    )
