"""When a run of a sweep is stopped early. Pure: decided from curves alone, in whatever order they are given.

`median` is Google Vizier's median stopping rule as Optuna has it: the best value of the run so far is worse than the
median of what finished runs had at the same step. `asha` is asynchronous successive halving (Li et al., 2018): of the
runs that have reached a rung, the best 1/eta go on. `target` stops the others once a run has reached a value,
`patience` a run that has not got better for so many values.
"""

from __future__ import annotations

import bisect
import math

from runforge import light_json
from runforge.core.ranking import MINIMIZE
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Curve = Sequence[tuple[float, float]]

#: (step, value); the steps never fall.

MEDIAN, ASHA, TARGET, PATIENCE = "median", "asha", "target", "patience"
#: The median rule waits for so many finished runs, and so many of them with a value at the step.
MEDIAN_RUNS, MEDIAN_VALUES = 5, 3
#: It decides nothing in the first part of the longest finished run.
MEDIAN_WARM_UP = 0.1
_ETA, _MIN = 3, 1
#: How the journal has a sweep without one.
NO_RULE = "{}"
_HOW = "Write median, asha, asha:eta=3,min=5, target:0.95 or patience:10"


class Rule(NamedTuple):
    """A stop rule: its kind, and the numbers that this kind has."""

    kind: str
    #: asha: the best of so many go on; the first rung is at this step.
    eta: int = _ETA
    min: float = _MIN
    #: target: the value. patience: how many values.
    number: float = 0.0

    def __str__(self) -> str:
        if self.kind == ASHA:
            return f"{ASHA}:eta={self.eta},min={self.min:g}"
        return self.kind if self.kind == MEDIAN else f"{self.kind}:{self.number:g}"


class Verdict(NamedTuple):
    """Why a run is stopped: at this step its value was worse than the threshold."""

    rule: str
    step: float
    value: float
    threshold: float

    def to_json(self) -> str:
        """Return it as the journal keeps it."""
        return light_json.dumps({name: _as_json(value) for name, value in self._asdict().items()})


def words(reason: str | None) -> str:
    """Return what a verdict in the journal says to people."""
    found = light_json.loads(reason) if reason else None
    if not found:
        return "stopped early by its sweep's rule"
    step, value, threshold = (_shown(found.get(name)) for name in ("step", "value", "threshold"))
    return f"stopped early by {found.get('rule')}: {value} at step {step}, against {threshold}"


def _shown(number: object) -> str:
    return f"{number:.6g}" if isinstance(number, (int, float)) else str(number)


class UnknownRule(ValueError):
    """A text that names no rule; the message says why."""


def _as_json(value: float | str) -> float | str:
    if isinstance(value, str) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def parse(text: str) -> Rule:
    """Return the rule that a text means; UnknownRule says what is wrong."""
    kind, _, rest = text.partition(":")
    try:
        if kind == MEDIAN and not rest:
            return Rule(MEDIAN)
        if kind == ASHA:
            return _asha_of(rest)
        if kind == TARGET and math.isfinite(float(rest)):
            return Rule(TARGET, number=float(rest))
        if kind == PATIENCE and int(rest) > 0:
            return Rule(PATIENCE, number=int(rest))
    except (ValueError, KeyError):
        pass
    raise UnknownRule(f"{text[:60]!r} is no stop rule. {_HOW}")


def from_json(text: str) -> Rule | None:
    """Return the rule of a sweep in the journal; None if it has none, or one that this version does not know."""
    try:
        return parse(light_json.loads(text)["rule"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def to_json(rule: Rule | None) -> str:
    """Return a rule as the journal keeps it."""
    return NO_RULE if rule is None else light_json.dumps({"rule": str(rule)})


def _asha_of(text: str) -> Rule:
    given = dict(part.split("=") for part in text.split(",")) if text else {}
    rule = Rule(ASHA, eta=int(given.pop("eta", _ETA)), min=float(given.pop("min", _MIN)))
    if given or rule.eta < 2 or not 0 < rule.min < math.inf:
        raise ValueError
    return rule


def decide(
    rule: Rule,
    direction: str,
    curve: Curve,
    finished: Sequence[Curve],
    others: Sequence[Curve],
    since: float = -math.inf,
) -> Verdict | None:
    """Return why a run is stopped; None if it goes on.

    `finished` are the curves of runs that have succeeded, `others` those of all other runs, finished ones too. `since`
    is the last step of the run that was judged before: asha judges a rung once.
    """
    if not curve:
        return None
    if rule.kind == MEDIAN:
        return _median(direction, curve, finished)
    if rule.kind == ASHA:
        return _asha(rule, direction, curve, others, since)
    if rule.kind == TARGET:
        return _target(rule, direction, curve, others)
    return _patience(rule, direction, curve)


def best_of(values: Sequence[float], direction: str) -> float:
    """Return the best value; NaN is none, unless there is nothing else."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    return min(known) if direction == MINIMIZE else max(known)


def _is_worse(value: float, than: float, direction: str) -> bool:
    """Return whether a value is worse. NaN is worse than anything."""
    if math.isnan(value):
        return True
    return value > than if direction == MINIMIZE else value < than


def _median(direction: str, curve: Curve, finished: Sequence[Curve]) -> Verdict | None:
    if len(finished) < MEDIAN_RUNS:
        return None
    step = curve[-1][0]
    length = max((each[-1][0] for each in finished if each), default=0.0)
    if step < MEDIAN_WARM_UP * length:
        return None
    there = [value for each in finished if (value := _at(each, step)) is not None]
    known = [value for value in there if not math.isnan(value)]
    if len(there) < MEDIAN_VALUES or not known:
        return None
    best, threshold = best_of([value for _, value in curve], direction), _middle(known)
    return Verdict(MEDIAN, step, best, threshold) if _is_worse(best, threshold, direction) else None


def _middle(values: list[float]) -> float:
    """Return the median; `statistics` takes longer to import than this module."""
    there = sorted(values)
    half = len(there) // 2
    return there[half] if len(there) % 2 else (there[half - 1] + there[half]) / 2


def _at(curve: Curve, step: float) -> float | None:
    """Return a curve's value at exactly this step, the one reported last; None if it has none."""
    place = bisect.bisect_right(curve, step, key=_step)
    return curve[place - 1][1] if place and curve[place - 1][0] == step else None


def _step(point: tuple[float, float]) -> float:
    return point[0]


def _asha(rule: Rule, direction: str, curve: Curve, others: Sequence[Curve], since: float) -> Verdict | None:
    """Judge the highest rung that the run has reached, if it was reached after `since`."""
    step, rung = curve[-1][0], rule.min
    if step < rung:
        return None
    while rung * rule.eta <= step:
        rung *= rule.eta
    if since >= rung:
        return None
    value = _first_from(curve, rung)
    rivals = [found for each in others if (found := _first_from(each, rung)) is not None]
    there = sorted(
        (each for each in (*rivals, value) if each is not None and not math.isnan(each)),
        reverse=direction != MINIMIZE,
    )
    if value is None or not there:
        return None
    threshold = there[max(len(there) // rule.eta, 1) - 1]
    return Verdict(str(rule), rung, value, threshold) if _is_worse(value, threshold, direction) else None


def _first_from(curve: Curve, rung: float) -> float | None:
    """Return the value at the lowest step that is at or above a rung."""
    place = bisect.bisect_left(curve, rung, key=_step)
    return curve[place][1] if place < len(curve) else None


def _target(rule: Rule, direction: str, curve: Curve, others: Sequence[Curve]) -> Verdict | None:
    own = best_of([value for _, value in curve], direction)
    if not _is_worse(own, rule.number, direction):
        return None  # it has reached the target itself
    bests = (best_of([value for _, value in each], direction) for each in others)
    is_reached = any(not _is_worse(best, rule.number, direction) for best in bests)
    return Verdict(str(rule), curve[-1][0], own, rule.number) if is_reached else None


def _patience(rule: Rule, direction: str, curve: Curve) -> Verdict | None:
    values = [value for _, value in curve]
    best = best_of(values, direction)
    since = len(values) if math.isnan(best) else len(values) - 1 - values.index(best)
    return Verdict(str(rule), curve[-1][0], values[-1], best) if since >= rule.number else None
