"""The importance of a sweep's parameters in words, for the command and the terminal UI."""

from __future__ import annotations

from runforge.core.importance import LEAST_RUNS, RATIO, Importance
from runforge.views.labels import parameter_names
from runforge.views.trials import Weighed

#: What the numbers are, for people who ask.
WHAT = (
    "From -1 to 1: the metric falls or rises with the parameter, whatever the scales are; a best value in the middle "
    "shows as about 0. Values without an order have the correlation ratio of ranks, from 0 to 1."
)


def title(found: Weighed) -> str:
    """Return what is told, and over how many runs."""
    runs = "1 run" if found.runs == 1 else f"{found.runs:,} runs"
    return f"rank correlation with {found.metric or 'the metric'} over {runs}"


def why_none(found: Weighed) -> str:
    """Return why nothing is told of any parameter; empty if something is."""
    if not found.parameters:
        return "no parameter of this group varies"
    if not found.runs:
        return "no run has succeeded with a metric yet"
    if found.runs < LEAST_RUNS:
        return f"too few runs have succeeded: {found.runs} of at least {LEAST_RUNS}"
    reasons = {each.why_none for each in found.parameters}
    if "" in reasons:
        return ""
    return reasons.pop() if len(reasons) == 1 else "of no parameter it can be said"


def names(found: Weighed) -> dict[str, str]:
    """Return the short names of the parameters."""
    return parameter_names(each.path for each in found.parameters)


def number(each: Importance) -> str:
    """Return a value with its sign, if it has one."""
    if each.value is None:
        return "-"
    return f"{each.value:.2f}" if each.kind == RATIO else f"{each.value:+.2f}"


def remark(each: Importance, total: int) -> str:
    """Return what else is to be known about a value, or why there is none."""
    if each.why_none:
        return each.why_none
    parts = [
        f"ratio of {each.values} values without an order" if each.kind == RATIO else "",
        "may be chance" if each.may_be_chance else "",
        f"{each.runs} runs have it" if each.runs != total else "",
    ]
    return ", ".join(part for part in parts if part)
