"""The documents that drills and gauntlets give to RunForge: data, requests, sweep plans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_STAMP = {"created_at": "2026-01-01T00:00:00.000Z", "created_by": "drills"}
_SLEEPER = "import sys,time; time.sleep(float(sys.argv[1]))"


def csv_text() -> str:
    """Return a small data set with a label that can be learned."""
    rows = [f"{i % 7},{(i * 3) % 11},{'yes' if i % 7 > 3 else 'no'}" for i in range(60)]
    return "a,b,label\n" + "\n".join(rows) + "\n"


def request(*, seconds: float = 0.3, device: str = "cpu", **model: Any) -> dict[str, Any]:
    """Return a request: a command that takes a while, or the given model."""
    chosen = model or {
        "family": "command",
        "command": [sys.executable, "-c", _SLEEPER, "{seconds}"],
        "hyperparameters": {"seconds": seconds, "n": 0},
    }
    return {
        "version": 1,
        "preset": "custom" if chosen["family"] == "command" else "fast",
        "dataset": {"path": "data/train.csv", "label_column": "label"},
        "model": chosen,
        "device": {"type": device},
        **_STAMP,
    }


def plan(
    root: Path, base: dict[str, Any], strategy: dict[str, Any], *, name: str, **execution: Any
) -> dict[str, Any]:
    """Return a sweep plan."""
    return {
        "version": 1,
        "kind": "sweep_plan",
        **_STAMP,
        "workspace": str(root),
        "group": {"name": name},
        "base_request": base,
        "strategy": strategy,
        "execution": {"max_parallel": 2, "breaker": 0, **execution},
    }


def grid(count: int, path: str) -> dict[str, Any]:
    """Return a strategy of `count` runs that differ in one number."""
    return {"type": "grid", "parameters": [{"path": path, "values": list(range(count))}]}
