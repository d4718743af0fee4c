"""TPE by questions to a journal is as good as Optuna's own loop, on four public test functions.

Twelve seeds tell medians apart by a fifth of what TPE gains over random search, not more. Of eighty seeds (60 trials,
Optuna 5.0.0) the medians were, ours against Optuna's own loop: Branin 0.483 : 0.507, Hartmann-6 -3.025 : -3.033, the
noisy one 0.27 : 0.20, the categorical one 0.0007 : 0.0008. Random search has 0.95, -1.87, 0.86 and 0.28.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from runforge.core import space as spaces
from runforge.core.space import Dimension

optuna = pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'runforge[optuna]'")
pytestmark = pytest.mark.slow

Values = dict[str, Any]
TRIALS, SEEDS = 60, range(12)


def branin(v: Values) -> float:
    x, y = v["x"], v["y"]
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return float(curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann(v: Values) -> float:
    at = [v[f"x{i}"] for i in range(6)]
    rows = zip((1.0, 1.2, 3.0, 3.2), _A, _P, strict=True)
    return -sum(
        c * math.exp(-sum(w * (x - p) ** 2 for w, x, p in zip(a, at, ps, strict=True))) for c, a, ps in rows
    )


def noisy(v: Values) -> float:
    noise = random.Random(repr(sorted(v.items()))).gauss(0, 0.5)
    return branin(v) + noise


def categorical(v: Values) -> float:
    bonus = {"sgd": 3.0, "adam": 0.0, "lion": 1.0}[v["kind"]]
    return float((math.log10(v["lr"]) + 3) ** 2 + (v["layers"] - 4) ** 2 / 4 + bonus)


#: The space, the function, and its best value; of the noisy one about.
_BRANIN = (Dimension("x", -5.0, 10.0), Dimension("y", 0.0, 15.0))
FUNCTIONS: dict[str, tuple[tuple[Dimension, ...], Callable[[Values], float], float]] = {
    "branin": (_BRANIN, branin, 0.398),
    "hartmann6": (tuple(Dimension(f"x{i}", 0.0, 1.0) for i in range(6)), hartmann, -3.322),
    "noisy": (_BRANIN, noisy, -1.0),
    "categorical": (
        (
            Dimension("lr", 1e-6, 1.0, is_log=True),
            Dimension("layers", 1, 8),
            Dimension("kind", values=("sgd", "adam", "lion")),
        ),
        categorical,
        0.0,
    ),
}


def ours(space: tuple[Dimension, ...], function: Callable[[Values], float], seed: int) -> float:
    """Ask as the daemon does: everything is told anew each time, and a repeat is asked again."""
    from runforge.sampler import tpe

    trials: list[dict[str, Any]] = []
    asked = seed * 1000
    while len(trials) < TRIALS:
        question = {
            "space": [each.document() for each in space],
            "seed": asked,
            "direction": "minimize",
            "count": 1,
            "trials": trials,
        }
        (values,) = tpe.suggest(question)
        asked += 1
        assert spaces.contains(space, values)
        if all(values != each["values"] for each in trials):
            trials.append({"values": values, "state": "complete", "value": function(values)})
    return min(float(each["value"]) for each in trials)


def optunas(space: tuple[Dimension, ...], function: Callable[[Values], float], seed: int) -> float:
    def objective(trial: Any) -> float:
        return function({each.path: suggested(trial, each) for each in space})

    optuna.logging.disable_default_handler()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=TRIALS)
    return float(study.best_value)


def suggested(trial: Any, each: Dimension) -> Any:
    if not each.is_interval:
        return trial.suggest_categorical(each.path, each.values)
    suggest = trial.suggest_int if each.is_whole else trial.suggest_float
    return suggest(each.path, each.low, each.high, log=each.is_log)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tpe_is_as_good_as_optuna_s_own_loop(name: str) -> None:
    space, function, best = FUNCTIONS[name]
    here = statistics.median(ours(space, function, seed) for seed in SEEDS)
    there = statistics.median(optunas(space, function, seed) for seed in SEEDS)
    drawn = statistics.median(
        min(map(function, spaces.draws(space, seed, 0, TRIALS, []).runs)) for seed in SEEDS
    )
    assert here <= there + 0.2 * (drawn - best), f"{here} against {there}; random search has {drawn}"


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(3))
def test_a_study_that_is_rebuilt_suggests_what_one_that_goes_on_does(seed: int, direction: str) -> None:
    """Whole numbers, because others are shortened. Failed and pruned trials are told, too."""
    from runforge.sampler import tpe

    space = (Dimension("x", -50, 100), Dimension("y", 0, 150), Dimension("kind", values=("a", "b", None)))
    optuna.logging.disable_default_handler()
    study = optuna.create_study(direction=direction)
    distributions = {each.path: tpe._distribution(each) for each in space}
    trials: list[dict[str, Any]] = []
    for number in range(40):
        study.sampler = tpe.sampler(seed + number)
        asked = study.ask(fixed_distributions=distributions)
        there = {**asked.params, "kind": space[2].values[asked.params["kind"]]}
        question = {"space": [each.document() for each in space], "seed": seed + number, "count": 1}
        assert tpe.suggest({**question, "direction": direction, "trials": trials}) == [there], number
        value = branin({"x": there["x"] / 10, "y": there["y"] / 10})
        told: dict[str, Any] = {"values": there}
        if number % 7 == 3:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
            told["state"] = "failed"
        elif number % 5 == 4:
            asked.report(value, 2)
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            told |= {"state": "pruned", "steps": {"2": value}}
        else:
            study.tell(asked, value)
            told |= {"state": "complete", "value": value}
        trials.append(told)
