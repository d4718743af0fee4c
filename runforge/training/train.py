"""Trains one model: load, split, fit with real progress, measure, save.

Nothing here decides the run's name or outcome; the worker does.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runforge import clock
from runforge.attempts.spec import Objective, Spec
from runforge.documents.request import Request
from runforge.files.durable import make_dir, open_file, write_atomic
from runforge.metrics import jsonl, tokens
from runforge.metrics.points import Point
from runforge.text import safe
from runforge.training import families, prepared
from runforge.training.labels import class_weights
from runforge.training.prepared import Split, Wanted

if TYPE_CHECKING:
    from runforge.training.curve import Curve


@dataclass(frozen=True, slots=True)
class Trained:
    """The results of a training."""

    metrics: dict[str, float]
    primary: tuple[str, float] | None
    #: What is in the dataset, for result.json.
    dataset: dict[str, Any]


def train(request: Request, spec: Spec) -> Trained:
    """Train the request's model in its run folder and return what was measured.

    Deterministic: the same request on the same data gives the same metrics. Raises RunForgeError for an
    unusable dataset or unusable values.
    """
    from runforge.training import measures
    from runforge.training.curve import Curve

    values = request.effective_hyperparameters
    run_dir, device = spec.run_dir, spec.payload.device
    starting = tokens.stage("STARTING"), tokens.device(device.type, device.gpu_reason)
    _say(*starting, tokens.stage("LOADING_DATASET"))
    rows = prepared.rows(_wanted(request, spec, values["random_state"]))
    _say(*rows.lines, tokens.stage("TRAINING"))
    weights = class_weights(values.get("class_weight"), rows.encoder.classes_)
    model = families.build_model(request.family, values)
    if weights is not None:
        model.set_params(class_weight=weights)
    curve = Curve(rows.train, rows.test)
    _say(*_fit(model, rows, curve, run_dir), tokens.stage("EVALUATING"))
    metrics = measures.scores(model, curve.of_test_rows, rows.test[1])
    _say(*(f"{name} {value:.4f}" for name, value in metrics.items()), tokens.stage("WRITING_ARTIFACTS"))
    _keep(run_dir, model, rows, metrics)
    return Trained(metrics, _primary(metrics, spec.payload.objective), rows.told)


def _say(*lines: str) -> None:
    """Print lines in one write: each write wakes the supervisor."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _wanted(request: Request, spec: Spec, seed: int) -> Wanted:
    return Wanted(
        spec.workspace / str(request.dataset_path),
        str(request.label_column),
        spec.payload.max_rows,
        seed,
        request.separator,
        request.label_type,
    )


def _fit(model: Any, rows: Split, curve: Curve, run_dir: Path) -> list[str]:
    """Fit; print a token and write a point of each curve for every epoch. Return what is to be said of the fit."""
    warned: dict[str, None] = {}
    last = None
    with _metrics_file(run_dir) as descriptor:
        for last in families.epochs(model, *rows.train):
            _append(descriptor, last.number, curve.point(model))
            print(tokens.epoch(last.number, last.total))
            warned.update(dict.fromkeys(last.warnings))
    said = []
    if last is not None and last.iterations is not None:
        how = "converged after" if last.has_converged else "has not converged within"
        said.append(f"the solver {how} {last.iterations} iterations")
    if warned:
        said.append(safe(f"scikit-learn warned: {'; '.join(warned)}"))
    return said


@contextmanager
def _metrics_file(run_dir: Path) -> Iterator[int]:
    """Open metrics.jsonl for appending; follow no link."""
    descriptor = open_file(run_dir / jsonl.NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _append(descriptor: int, step: int, values: dict[str, float]) -> None:
    """Append a point of each metric in one write, so that a reader sees complete lines."""
    at = clock.now()
    os.write(
        descriptor, b"".join(jsonl.encode(Point(name, step, value), at) for name, value in values.items())
    )


def _primary(metrics: dict[str, float], objective: Objective | None) -> tuple[str, float] | None:
    name = objective.metric if objective else "accuracy"
    if name not in metrics:
        print(safe(f"this model has no {name}, the sweep's objective: it is not ranked"))
        return None
    return name, metrics[name]


def _keep(run_dir: Path, model: Any, rows: Split, metrics: dict[str, float]) -> None:
    """Write the artifacts. They are pickles for the user; RunForge itself never loads one."""
    from sklearn.pipeline import Pipeline

    from runforge.training import measures

    kind, document = measures.weights(model, rows.feature_names, [str(c) for c in rows.encoder.classes_])
    pipeline = Pipeline([("prepare", rows.prepare), ("model", model)])
    folder = run_dir / "artifacts"
    make_dir(folder)
    contents = {
        "model.pkl": pickle.dumps(pipeline),
        "label_encoder.pkl": pickle.dumps(rows.encoder),
        "metrics.json": _json(metrics),
        f"{kind}.json": _json(document),
    }
    for name, data in contents.items():
        write_atomic(folder / name, data, durable=False)  # the supervisor syncs the rest


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, allow_nan=False).encode("ascii") + b"\n"
