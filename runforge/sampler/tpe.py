"""TPE: Optuna's, from a study that is built anew for each question. Nothing is stored anywhere."""

from __future__ import annotations

import warnings
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from runforge.core.space import Dimension, from_document

_STATES = {
    "complete": TrialState.COMPLETE,
    "failed": TrialState.FAIL,
    "pruned": TrialState.PRUNED,
    "running": TrialState.RUNNING,
}


def suggest(question: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the next suggestions, each with the seed after that of the one before."""
    warnings.simplefilter("ignore")
    optuna.logging.disable_default_handler()
    space = from_document(question["space"])
    distributions = {each.path: _distribution(each) for each in space}
    study = optuna.create_study(direction=question["direction"])
    for trial in question["trials"]:
        study.add_trial(_trial(trial, space, distributions))
    found = []
    for number in range(question["count"]):
        study.sampler = sampler(question["seed"] + number)
        asked = study.ask(fixed_distributions=distributions)
        found.append({each.path: _value(each, asked.params[each.path]) for each in space})
    return found


def sampler(seed: int) -> optuna.samplers.TPESampler:
    """Return the sampler of one suggestion. What runs now counts as bad, so that not all try the same."""
    return optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True)


def _distribution(each: Dimension) -> BaseDistribution:
    if each.low is None or each.high is None:
        return CategoricalDistribution(range(len(each.values)))  # the places: values may be lists
    if each.is_whole:
        return IntDistribution(int(each.low), int(each.high), log=each.is_log)
    return FloatDistribution(each.low, each.high, log=each.is_log)


def _trial(
    trial: dict[str, Any], space: tuple[Dimension, ...], distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    return optuna.trial.create_trial(
        state=_STATES[trial["state"]],
        params={each.path: each.place(trial["values"][each.path]) for each in space},
        distributions=distributions,
        value=trial.get("value"),
        intermediate_values={int(step): value for step, value in trial.get("steps", {}).items()},
    )


def _value(each: Dimension, found: Any) -> Any:
    if not each.is_interval:
        return each.values[found]
    return int(found) if each.is_whole else each.tidied(float(found))
