"""A dry run: everything is checked, no model is trained, and the slot can be kept for a while."""

from __future__ import annotations

import threading

from runforge.attempts.spec import Spec
from runforge.documents.request import Request
from runforge.metrics import tokens
from runforge.training.check import check_request


def dry_run(request: Request, spec: Spec) -> None:
    """Check request and dataset, print it, and keep the slot for the given seconds."""
    device = spec.payload.device
    print(tokens.stage("STARTING"))
    print(tokens.device(device.type, device.gpu_reason))
    print(tokens.stage("LOADING_DATASET"))
    check_request(request, spec.workspace, is_quoting=False)  # the journal stores the error
    seconds = spec.payload.dry_run_seconds or 0.0
    print(f"[DRY-RUN] {request.family}: request and dataset are valid; no model is trained")
    print(tokens.stage("TRAINING"))
    if seconds > 0:
        # Nobody sets this event: waiting keeps the slot; only a signal ends it early.
        threading.Event().wait(seconds)
    print(tokens.stage("EVALUATING"))
    print(tokens.stage("WRITING_ARTIFACTS"))
