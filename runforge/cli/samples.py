"""The files that `init` and `demo` put into a new workspace: data to learn from, and a plan."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import Any

from runforge import __version__, clock

ROWS = 400
_SEED = 20


def training_csv() -> bytes:
    """Return an invented data set of customers who stay or leave; it is always the same.

    It has numbers, categories and missing values. The label depends on them, with noise, so that models
    differ and none is perfect.
    """
    rng = random.Random(_SEED)  # noqa: S311 - made-up data, no secret
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["months", "monthly_fee", "support_calls", "plan", "region", "label"])
    for _ in range(ROWS):
        months, calls = rng.randint(1, 60), min(9, int(rng.expovariate(0.6)))
        fee = round(rng.gauss(45, 15), 2)
        plan, region = rng.choice(["basic", "plus", "pro"]), rng.choice(["north", "south", "west"])
        pull = 0.06 * (30 - months) + 0.03 * (fee - 45) + 0.7 * (calls - 1.5)
        pull += {"basic": 0.6, "plus": 0.0, "pro": -0.8}[plan] + rng.gauss(0, 0.8)
        label = "leaves" if pull > 0 else "stays"
        writer.writerow(
            [
                months,
                "" if rng.random() < 0.05 else fee,
                calls,
                "" if rng.random() < 0.04 else plan,
                region,
                label,
            ]
        )
    return text.getvalue().encode()


def request(family: str = "logistic_regression", device: str = "cpu") -> dict[str, Any]:
    """Return a request on the sample data."""
    return {
        "version": 1,
        "preset": "fast",
        "dataset": {"path": "data/train.csv", "label_column": "label"},
        "model": {"family": family, "hyperparameters": {}},
        "device": {"type": device},
        "created_at": clock.now(),
        "created_by": f"runforge@{__version__}",
    }


def plan(workspace: str) -> dict[str, Any]:
    """Return a sweep of 14 runs over the three families."""
    runs: list[dict[str, Any]] = [
        {"model.family": family, "model.hyperparameters.C": strength}
        for family in ("logistic_regression", "linear_svc")
        for strength in (0.01, 0.1, 1.0, 10.0)
    ]
    runs += [
        {
            "model.family": "random_forest",
            "model.hyperparameters.n_estimators": trees,
            "model.hyperparameters.max_depth": depth,
        }
        for trees in (40, 120)
        for depth in (3, 6, 12)
    ]
    return {
        "version": 1,
        "kind": "sweep_plan",
        "created_at": clock.now(),
        "created_by": f"runforge@{__version__}",
        "workspace": workspace,
        "group": {"name": "families", "notes": "Three model families on the sample data"},
        "base_request": request(),
        "strategy": {"type": "list", "runs": runs},
        "execution": {"max_parallel": 2, "fail_fast": False, "stop_on_cancel": True},
    }


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as a file for people to edit."""
    return json.dumps(document, indent=2).encode() + b"\n"
