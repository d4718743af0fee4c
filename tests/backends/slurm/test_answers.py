"""What sbatch answered: taken, lost, full or refused; and in which words people are told."""

from __future__ import annotations

import pytest

from runforge.backends.slurm.answers import Kind, is_unheard, job_id, kind, reason

FAILED = "sbatch: error: Batch job submission failed: "
ANSWERS = [
    (0, "17\n", "", Kind.ACCEPTED),
    (0, "17;cluster\n", "", Kind.ACCEPTED),
    (0, "a site's greeting\n17\n", "sbatch: lua: welcome", Kind.ACCEPTED),
    (0, "", "", Kind.UNSURE),
    (0, "no number", "", Kind.UNSURE),
    (None, "", "", Kind.UNSURE),
    (None, "17\n", "", Kind.UNSURE),
    (-9, "", "", Kind.UNSURE),
    (1, "", "", Kind.UNSURE),
    (1, "", f"{FAILED}Socket timed out on send/recv operation", Kind.UNSURE),
    (1, "", f"{FAILED}Unable to contact slurm controller (connect failure)", Kind.UNSURE),
    (1, "", f"{FAILED}Zero Bytes were transmitted or received", Kind.UNSURE),
    (1, "", f"{FAILED}Transport endpoint is not connected", Kind.UNSURE),
    (1, "", f"{FAILED}Unexpected message received", Kind.UNSURE),
    (1, "", f"{FAILED}Slurm backup controller in standby mode", Kind.UNSURE),
    (1, "", "sbatch: error: If munged is up, restart with --num-threads=10", Kind.UNSURE),
    (1, "", f"{FAILED}Protocol authentication error", Kind.UNSURE),
    (1, "", f"{FAILED}Invalid authentication credential", Kind.UNSURE),
    (1, "", "sbatch: fatal: Could not establish a configuration source", Kind.UNSURE),
    (1, "", "sbatch: error: slurm_persist_conn_open_without_init: failed", Kind.UNSURE),
    (
        *(1, ""),
        (
            f"sbatch: error: AssocMaxSubmitJobLimit\n{FAILED}Job violates accounting/QOS policy (job submit limit, "
            "user's size and/or time limits)"
        ),
        Kind.LIMIT,
    ),
    (
        1,
        "",
        f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{FAILED}Job violates accounting/QOS policy",
        Kind.LIMIT,
    ),
    (1, "", f"{FAILED}Resource temporarily unavailable", Kind.LIMIT),
    (1, "", "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", Kind.LIMIT),
    (1, "", f"{FAILED}Invalid partition name specified", Kind.REFUSED),
    (1, "", f"{FAILED}Invalid account or account/partition combination specified", Kind.REFUSED),
    (1, "", f"{FAILED}Requested node configuration is not available", Kind.REFUSED),
    (1, "", f"{FAILED}Requested time limit is invalid (missing or exceeds some limit)", Kind.REFUSED),
    (
        1,
        "",
        "sbatch: unrecognized option '--foo'\nTry \"sbatch --help\" for more information",
        Kind.REFUSED,
    ),
    (1, "", f"sbatch: error: Please give an account\n{FAILED}Unspecified error", Kind.REFUSED),
]


@pytest.mark.parametrize(("code", "stdout", "stderr", "wanted"), ANSWERS)
def test_what_became_of_a_submission(code: int | None, stdout: str, stderr: str, wanted: Kind) -> None:
    assert kind(stderr, code, stdout) is wanted


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (f"{FAILED}Invalid partition name specified\n", "Invalid partition name specified"),
        (
            (f"sbatch: error: invalid partition specified: nope\n{FAILED}Invalid partition name specified"),
            "Invalid partition name specified",
        ),
        (
            f"sbatch: error: AssocMaxSubmitJobLimit\n{FAILED}Job violates accounting/QOS policy",
            "AssocMaxSubmitJobLimit",
        ),
        (f"sbatch: error: Please give an account\n{FAILED}Unspecified error", "Please give an account"),
        (
            "sbatch: unrecognized option '--foo'\nTry \"sbatch --help\" for more information",
            "sbatch: unrecognized option '--foo'",
        ),
        ("slurm_load_jobs error: Socket timed out", "slurm_load_jobs error: Socket timed out"),
        ("", "no reason given"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_people_are_told_in_one_line(stderr: str, told: str) -> None:
    assert reason(stderr) == told


def test_whether_slurm_was_heard() -> None:
    assert is_unheard("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert not is_unheard("scancel: error: Invalid job id 77")
    assert not is_unheard("")


@pytest.mark.parametrize(
    ("text", "wanted"), [("17", "17"), ("17;c\n", "17"), ("", None), ("x17", None), ("hello\n18", "18")]
)
def test_the_number(text: str, wanted: str | None) -> None:
    assert job_id(text) == wanted
