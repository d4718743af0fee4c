"""Whether a failed attempt is followed by another one by itself, and when. Pure: no clock, no journal.

A run may have several rules; the first that names the cause decides. A person's retry starts the counts anew.
"""

from __future__ import annotations

from runforge import light_json
from runforge.core.states import Cause, State
from runforge.digest import sha256_of
from runforge.later import pattern
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runforge.core.outcome import Ending
    from runforge.core.records import Job

#: What a rule may name. A cancel, a program that is not found and a wrong result.json are never tried again.
CAUSES = ("exit", "signal", "oom", "gpu_oom", "timeout", "lost")
#: What a rule without causes means.
USUAL_CAUSES = ("exit", "signal", "oom", "gpu_oom")
#: Seconds before the first further attempt; they double with each use of the rule.
BACKOFF_SECONDS = 30.0
LONGEST_SECONDS = 3600.0
HYPERPARAMETERS = "model.hyperparameters"
#: What makes runs that failed together start apart.
_JITTER = 0.1
_NAMES = {**{Cause(name): name for name in CAUSES}, Cause.REBOOT: "lost", Cause.TIME_LIMIT: "timeout"}


class Rule(NamedTuple):
    """How often, and after which causes, another attempt follows."""

    times: int
    causes: tuple[str, ...] = USUAL_CAUSES
    backoff_seconds: float = BACKOFF_SECONDS
    #: `batch=/2`: the next attempt has another value of this parameter.
    change: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the rule as the journal and the request have it."""
        found = {**self._asdict(), "causes": list(self.causes)}
        if self.change is None:
            del found["change"]
        return found


#: Without a rule for it, a run whose device had no memory left is tried once more: on a whole one, or on another.
AUTOMATIC = Rule(1, ("gpu_oom",), 5.0)
_CHANGE = pattern(r"([A-Za-z_][\w.]*)=([/*])([0-9]{1,6}(?:\.[0-9]{1,6})?)")


class Again(NamedTuple):
    """Another attempt follows: after how long, and the uses of each rule, as the journal has them."""

    seconds: float
    used: str
    #: What its next attempt changes, by the path in its request.
    changed: Mapping[str, Any] = {}
    #: It gets whole devices instead of parts of them.
    is_whole: bool = False


def to_json(rules: tuple[Rule, ...]) -> str:
    """Return the rules as the journal and the request have them."""
    return light_json.dumps([rule.to_json() for rule in rules])


def from_json(text: str) -> tuple[Rule, ...]:
    """Return the rules that `to_json` or a request gave; what is left out is as usual."""
    return tuple(
        Rule(
            int(each["times"]),
            tuple(each.get("causes") or USUAL_CAUSES),
            float(each.get("backoff_seconds", BACKOFF_SECONDS)),
            each.get("change"),
        )
        for each in light_json.loads(text)
    )


def another(job: Job, ending: Ending, token: str) -> Again | None:
    """Return whether another attempt follows the one with this token; None if that was the last."""
    is_oom = ending.cause is Cause.GPU_OOM
    if ending.state is not State.FAILED or job.cancel_requested or (job.retry_rules == "[]" and not is_oom):
        return None
    name = _NAMES.get(ending.cause)
    rules = (*from_json(job.retry_rules), AUTOMATIC)
    number = next((place for place, rule in enumerate(rules) if name in rule.causes), None)
    if number is None:
        return None
    used = _used(job, len(rules))
    if used[number] >= rules[number].times:
        return None
    seconds = delay(rules[number].backoff_seconds, used[number], token)
    used[number] += 1
    if not used[-1]:  # the automatic rule is written down only once it was used
        used.pop()
    change = rules[number].change
    if change is None:
        return Again(seconds, light_json.dumps(used), is_whole=is_oom and job.needs.vram_mb > 0)
    changed = changed_by(change, ending.parameters)
    return None if changed is None else Again(seconds, light_json.dumps(used), changed)


def is_change(text: str) -> bool:
    """Return whether a text says how a parameter changes: `batch=/2`, `lr=*0.5`."""
    match = _CHANGE.fullmatch(text)
    return match is not None and float(match[3]) > 0


def parameter_of(change: str) -> str:
    """Return the name of the parameter that a rule changes."""
    return change.partition("=")[0]


def changed_by(change: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the new value of a parameter by its path; None if there is none, or if it cannot get smaller."""
    match = _CHANGE.fullmatch(change)
    value = at(parameters, match[1]) if match is not None else None
    if match is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    factor = float(match[3])
    new = value / factor if match[2] == "/" else value * factor
    if isinstance(value, int):
        new = max(1, int(new))
    return None if new == value else {f"{HYPERPARAMETERS}.{match[1]}": new}


def at(parameters: Mapping[str, Any], name: str) -> Any:
    """Return the parameter that a name with dots means; None if there is none."""
    place: Any = parameters
    for part in name.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return place


def _used(job: Job, rules: int) -> list[int]:
    """Return how often each rule was used; rules may have been added or taken away by an edit."""
    found = [int(uses) for uses in light_json.loads(job.retries_used)][:rules]
    return found + [0] * (rules - len(found))


def delay(backoff_seconds: float, uses: int, token: str) -> float:
    """Return the seconds before the next attempt: doubled with each use, spread by the attempt's token."""
    doubled = min(LONGEST_SECONDS, backoff_seconds * 2 ** min(uses, 30))
    share = int(sha256_of(token.encode())[:8], 16) / 0xFFFFFFFF
    return float(doubled * (1 - _JITTER + 2 * _JITTER * share))
