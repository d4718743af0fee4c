"""What the tests of training share: a request, a dataset, and what an attempt left."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runforge.attempts import build_spec
from runforge.attempts.build_spec import Place, Terms
from runforge.attempts.spec import Spec
from runforge.documents.request import Request, parse_request

REQUEST: dict[str, Any] = {
    "version": 1,
    "preset": "fast",
    "dataset": {"path": "data/train.csv", "label_column": "label"},
    "model": {"family": "logistic_regression"},
    "device": {"type": "cpu"},
    "created_at": "2026-01-01T00:00:00.000Z",
    "created_by": "tests",
}


def table(rows: int = 150, classes: int = 3) -> str:
    """Return a CSV with two numbers, one of them with gaps, a category, and a label that depends on them."""
    chance = random.Random(7)
    lines = ["width,height,colour,label"]
    for index in range(rows):
        kind = index % classes
        width = chance.gauss(kind * 2.0, 0.6)
        height = "" if index % 11 == 0 else f"{chance.gauss(-kind, 0.8):.3f}"
        colour = "?" if index % 13 == 0 else chance.choice(["red", "green", "blue"][: kind + 1])
        lines.append(f"{width:.3f},{height},{colour},kind_{kind}")
    return "\n".join(lines) + "\n"


def make_a_spec(workspace: Path, run_dir: Path, request: dict[str, Any], **terms: Any) -> Spec:
    """Return the spec of a request, be the request right or wrong."""
    place = Place(run_dir.name, 1, "token", workspace, run_dir, run_dir / "attempt")
    good = parse_request(REQUEST, where="tests")
    family, device = request["model"]["family"], request["device"]["type"]
    asked: Request = good._replace(raw=request, family=family, device_type=device, command=("prog",))
    return build_spec.build_spec(asked, place, Terms(**{"gpus": 0, "threads": 1, **terms}))


@dataclass(frozen=True)
class Run:
    """What an attempt left."""

    code: int
    folder: Path
    log: str

    @property
    def result(self) -> dict[str, Any]:
        return self.json("result.json")

    @property
    def tokens(self) -> list[str]:
        return [line for line in self.log.splitlines() if line.startswith("[RF:")]

    @property
    def points(self) -> list[dict[str, Any]]:
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def json(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / name).read_text())
        return document
