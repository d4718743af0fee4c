"""TPE by questions to a journal is as good as Optuna's own loop, on four public test functions."""

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


_BRANIN = (Dimension("x", -5.0, 10.0), Dimension("y", 0.0, 15.0))
FUNCTIONS: dict[str, tuple[tuple[Dimension, ...], Callable[[Values], float], float]] = {
    "branin": (_BRANIN, branin, 30.0),
    "hartmann6": (tuple(Dimension(f"x{i}", 0.0, 1.0) for i in range(6)), hartmann, 3.322),
    "noisy": (_BRANIN, noisy, 30.0),
    "categorical": (
        (
            Dimension("lr", 1e-6, 1.0, is_log=True),
            Dimension("layers", 1, 8),
            Dimension("kind", values=("sgd", "adam", "lion")),
        ),
        categorical,
        5.0,
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
def test_tpe_is_within_five_percent_of_optuna_s_own_loop(name: str) -> None:
    """Of the function's span; the median of many seeds, because one of them says nothing."""
    space, function, span = FUNCTIONS[name]
    here = statistics.median(ours(space, function, seed) for seed in SEEDS)
    there = statistics.median(optunas(space, function, seed) for seed in SEEDS)
    assert here <= there + 0.05 * span, f"{here} against {there}"
