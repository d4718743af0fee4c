"""Whether a failed attempt is followed by another one by itself, and when. Pure: no clock, no journal.

A run may have several rules; the first that names the cause decides. A person's retry starts the counts anew.
"""

import hashlib
import json
from typing import NamedTuple

from runforge.core.outcome import Ending
from runforge.core.records import Job
from runforge.core.states import Cause, State

#: What a rule may name. A cancel, a program that is not found and a wrong result.json are never tried again.
CAUSES = ("exit", "signal", "oom", "gpu_oom", "timeout", "lost")
#: What a rule without causes means.
USUAL_CAUSES = ("exit", "signal", "oom", "gpu_oom")
#: Seconds before the first further attempt; they double with each use of the rule.
BACKOFF_SECONDS = 30.0
LONGEST_SECONDS = 3600.0
#: What makes runs that failed together start apart.
_JITTER = 0.1
_NAMES = {**{Cause(name): name for name in CAUSES}, Cause.REBOOT: "lost"}


class Rule(NamedTuple):
    """How often, and after which causes, another attempt follows."""

    times: int
    causes: tuple[str, ...] = USUAL_CAUSES
    backoff_seconds: float = BACKOFF_SECONDS


class Again(NamedTuple):
    """Another attempt follows: after how long, and the uses of each rule, as the journal has them."""

    seconds: float
    used: str


def to_json(rules: tuple[Rule, ...]) -> str:
    """Return the rules as the journal and the request have them."""
    return json.dumps([{**rule._asdict(), "causes": list(rule.causes)} for rule in rules])


def from_json(text: str) -> tuple[Rule, ...]:
    """Return the rules that `to_json` or a request gave; what is left out is as usual."""
    return tuple(
        Rule(
            int(each["times"]),
            tuple(each.get("causes") or USUAL_CAUSES),
            float(each.get("backoff_seconds", BACKOFF_SECONDS)),
        )
        for each in json.loads(text)
    )


def another(job: Job, ending: Ending, token: str) -> Again | None:
    """Return whether another attempt follows the one with this token; None if that was the last."""
    if ending.state is not State.FAILED or job.cancel_requested or job.retry_rules == "[]":
        return None
    name = _NAMES.get(ending.cause)
    rules = from_json(job.retry_rules)
    number = next((place for place, rule in enumerate(rules) if name in rule.causes), None)
    if number is None:
        return None
    used = _used(job, len(rules))
    if used[number] >= rules[number].times:
        return None
    seconds = delay(rules[number].backoff_seconds, used[number], token)
    used[number] += 1
    return Again(seconds, json.dumps(used))


def _used(job: Job, rules: int) -> list[int]:
    """Return how often each rule was used; rules may have been added or taken away by an edit."""
    found = [int(uses) for uses in json.loads(job.retries_used)][:rules]
    return found + [0] * (rules - len(found))


def delay(backoff_seconds: float, uses: int, token: str) -> float:
    """Return the seconds before the next attempt: doubled with each use, spread by the attempt's token."""
    doubled = min(LONGEST_SECONDS, backoff_seconds * 2 ** min(uses, 30))
    share = int(hashlib.sha256(token.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return float(doubled * (1 - _JITTER + 2 * _JITTER * share))
