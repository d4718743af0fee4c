"""The worker's own code: one attempt of a training or of a dry run, from spec to result.json."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import Any

from runforge import clock, tokens
from runforge.documents.request import Request, parse_request
from runforge.documents.result import build_result, encode
from runforge.durable import write_atomic
from runforge.errors import RunForgeError
from runforge.training import artifacts
from runforge.training.device import Device, decide

_TRACEBACK_LIMIT = 20_000


def main(spec: dict[str, Any]) -> int:
    """Run the attempt; return 0 if it succeeded, 1 if it failed. result.json says how."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    started_at, start = clock.now(), time.monotonic()
    config: dict[str, Any] | None = None
    metrics: dict[str, float] = {}
    primary: tuple[str, float] | None = None
    error: dict[str, Any] | None = None
    try:
        request = parse_request(spec["payload"]["request"], where="request.json")
        device = decide(request.device_type, request.family, spec["payload"]["grant"])
        config = effective_config(request, device)
        if spec["payload"]["dry_run_seconds"] is not None:
            from runforge.training.dry_run import dry_run

            dry_run(request, spec, device)
        else:
            from runforge.training.train import train

            trained = train(request, spec, device)
            metrics, primary = trained.metrics, trained.primary
    except RunForgeError as problem:
        error = {"message": str(problem), "type": type(problem).__name__}
    except MemoryError:
        error = {"message": "not enough memory; try --max-rows or a smaller model", "type": "MemoryError"}
    except Exception as problem:  # noqa: BLE001 - the attempt's boundary: whatever it was is recorded
        trace = traceback.format_exc()
        print(trace, file=sys.stderr)
        error = {
            "message": f"{type(problem).__name__}: {problem}",
            "type": type(problem).__name__,
            "traceback": trace[-_TRACEBACK_LIMIT:],
        }
    run_dir = Path(spec["run_dir"])
    result = build_result(
        status="failed" if error else "succeeded",
        started_at=started_at,
        finished_at=clock.now(),
        duration_ms=int((time.monotonic() - start) * 1000),
        effective_config=config,
        primary_metric=None if error else primary,
        metrics=metrics,
        artifacts=artifacts.listing(run_dir),
        error=error,
    )
    write_atomic(run_dir / "result.json", encode(result))
    if error:
        print(f"ERROR: {error['message']}")
    print(tokens.stage("FAILED" if error else "COMPLETED"))
    return int(error is not None)


def effective_config(request: Request, device: Device) -> dict[str, Any]:
    """Return what the run really uses, for result.json."""
    return {
        "preset": request.preset,
        "model": {
            "family": request.family,
            "hyperparameters": request.effective_hyperparameters,
            **({"command": list(request.command)} if request.command else {}),
        },
        "device": device.document(),
        "dataset": {"path": request.dataset_path, "label_column": request.label_column},
    }
