"""Training one model: load, split, fit with real progress, measure, keep what came of it."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runforge import clock, tokens
from runforge.documents.request import Request
from runforge.durable import make_dir, write_atomic
from runforge.training.device import Device


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training measured."""

    metrics: dict[str, float]
    primary: tuple[str, float] | None


class _Curve:
    """metrics.jsonl: one JSON object a line, as it happens."""

    def __init__(self, run_dir: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(run_dir / "metrics.jsonl", flags, 0o600)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Append a point of each metric."""
        at = clock.now()
        lines = [
            json.dumps({"name": name, "value": value, "step": step, "at": at}) + "\n"
            for name, value in values.items()
        ]
        os.write(self._file, "".join(lines).encode("ascii"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def train(request: Request, spec: dict[str, Any], device: Device) -> Trained:
    """Train the request's model in its run folder and return what was measured.

    Deterministic: the same request on the same data gives the same metrics. Raises RunForgeError
    for a dataset that cannot be used.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import LabelEncoder

    from runforge.training import dataset, families

    values = request.effective_hyperparameters
    seed = values["random_state"]
    print(tokens.stage("STARTING"))
    print(tokens.device(device.type, device.gpu_reason))
    print(tokens.stage("LOADING_DATASET"))
    data = dataset.load(
        Path(spec["workspace"]) / str(request.dataset_path),
        str(request.label_column),
        max_rows=spec["payload"]["max_rows"],
        seed=seed,
    )
    train_rows, test_rows = dataset.split(data.labels, seed)
    print(
        f"{len(data.labels)} rows, {len(data.numeric)} numeric and {len(data.categorical)} "
        f"categorical columns; training on {len(train_rows)}, testing on {len(test_rows)}"
    )
    encoder = LabelEncoder().fit(data.labels)
    labels = encoder.transform(data.labels)
    prepare = families.build_preprocessing(data.numeric, data.categorical)
    fit_on = prepare.fit_transform(data.features[train_rows])
    measure_on = prepare.transform(data.features[test_rows])
    print(tokens.stage("TRAINING"))
    model = families.build_model(request.family, values)
    run_dir = Path(spec["run_dir"])
    curve = _Curve(run_dir)
    try:
        for epoch, total in families.epochs(model, fit_on, labels[train_rows]):
            curve.add(
                epoch,
                {
                    "train_accuracy": float(model.score(fit_on, labels[train_rows])),
                    "test_accuracy": float(model.score(measure_on, labels[test_rows])),
                },
            )
            print(tokens.epoch(epoch, total))
        _say_iterations(families.iterations(model), model)
        print(tokens.stage("EVALUATING"))
        metrics = families.scores(model, measure_on, labels[test_rows])
    finally:
        curve.close()
    print(tokens.stage("WRITING_ARTIFACTS"))
    names = [str(name) for name in prepare.get_feature_names_out(data.names)]
    kind, document = families.weights(model, names, [str(c) for c in encoder.classes_])
    _keep(run_dir, Pipeline([("prepare", prepare), ("model", model)]), encoder, metrics, kind, document)
    for name, value in metrics.items():
        print(f"{name} {value:.4f}")
    return Trained(metrics, _primary(metrics, spec["payload"]["objective"]))


def _say_iterations(count: int | None, model: Any) -> None:
    if count is None:
        return
    limit = model.get_params()["max_iter"]
    has = "has not converged within" if count >= limit else "converged; the last fit took"
    print(f"the solver {has} {count} iterations")


def _primary(metrics: dict[str, float], objective: dict[str, str] | None) -> tuple[str, float] | None:
    name = objective["metric"] if objective else "accuracy"
    if name not in metrics:
        print(f"this model has no {name}, the objective of its sweep: it takes no part in the ranking")
        return None
    return name, metrics[name]


def _keep(
    run_dir: Path,
    pipeline: Any,
    encoder: Any,
    metrics: dict[str, float],
    kind: str,
    document: dict[str, Any],
) -> None:
    folder = run_dir / "artifacts"
    make_dir(folder)
    contents = {
        "model.pkl": pickle.dumps(pipeline),
        "label_encoder.pkl": pickle.dumps(encoder),
        "metrics.json": _json(metrics),
        f"{kind}.json": _json(document),
    }
    for name, data in contents.items():
        write_atomic(folder / name, data, durable=False)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, allow_nan=False).encode("utf-8") + b"\n"
