"""What an answer of `sbatch` means, and its sentence for people. Pure: text in, verdict out."""

from __future__ import annotations

import re
from enum import Enum


class Kind(Enum):
    """What became of a submission."""

    #: Slurm has it, and has given its number.
    ACCEPTED = "accepted"
    #: Nobody knows whether Slurm has it: ask by its name, and submit again if it is absent.
    UNSURE = "unsure"
    #: Slurm takes no more now: the same can be accepted later.
    LIMIT = "limit"
    #: Slurm does not take it with these options.
    REFUSED = "refused"


#: Slurm could not be asked, or its answer was lost on the way. The middle two are munge's, which comes back too.
_UNHEARD = re.compile(
    r"Socket timed out|Unable to contact|Transport endpoint|Connection (?:refused|reset|timed out)"
    r"|Zero Bytes|Unexpected message|Communication connection failure|Insane message|Message receive failure"
    r"|standby mode|controller not responding|not ready|No route to host|Network is unreachable|Broken pipe"
    r"|[Mm]unge|authentication credential|authentication error|Header lengths"
    r"|control machine address|configuration source|fetch_config|DNS SRV|slurm_persist|database .*(?:down|unavailable)",
)
#: How many jobs may be submitted, by an account, a QOS, a partition or in all.
_FULL = re.compile(
    r"MaxSubmit|MaxJobs|GrpSubmit|GrpJobs|MaxJobCount|[Jj]ob submit limit|temporarily unable to accept"
    r"|Resource temporarily unavailable|[Tt]oo many jobs|submit rate",
)
_LIMIT_WORD = re.compile(r"\b(?:Assoc|QOS)\w*(?:Limit|PerUser|PerAccount)\w*")
#: Before each line of a Slurm command.
_PREFIX = re.compile(r"^(?:\w+: )?(?:error|fatal|warning|debug\d?|lua): ", re.IGNORECASE)
_FAILED = re.compile(
    r"^(?:Batch job submission failed|allocation failure|Job submit/allocate failed): ", re.IGNORECASE
)
_NUMBER = re.compile(r"([0-9]+)(?:;\S+)?")
_LONGEST = 200


def kind(stderr: str, returncode: int | None, stdout: str) -> Kind:
    """Return what became of a submission. No exit code: it was ended by our own clock."""
    if returncode == 0 and job_id(stdout) is not None:
        return Kind.ACCEPTED
    if returncode is None or returncode <= 0 or not stderr.strip() or _UNHEARD.search(stderr):
        return Kind.UNSURE  # killed, or without a word, or without a number
    return Kind.LIMIT if _FULL.search(stderr) else Kind.REFUSED


def is_unheard(stderr: str) -> bool:
    """Return whether a command failed because Slurm did not answer."""
    return _UNHEARD.search(stderr) is not None


def job_id(stdout: str) -> str | None:
    """Return the number that `sbatch --parsable` printed, without the cluster's name; None if there is none."""
    lines = stdout.split()
    match = _NUMBER.fullmatch(lines[-1]) if lines else None
    return match[1] if match else None


def reason(stderr: str) -> str:
    """Return why, in Slurm's own words and in one line: its limit's name, or its last line."""
    limit = _LIMIT_WORD.search(stderr)
    if limit is not None:
        return limit[0]
    lines = [_FAILED.sub("", _PREFIX.sub("", line.strip())) for line in stderr.splitlines() if line.strip()]
    # A site's own filter explains itself before Slurm's general sentence.
    told = [line for line in lines if line and not line.startswith(("Unspecified error", "See ", "Try "))]
    return (told[-1] if told else "no reason given")[:_LONGEST]
