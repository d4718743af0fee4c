"""The device is what was really used, and the reason is an honest one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runforge.training.device import decide
from tests.training.kit import Run

GPU = {"uuid": "GPU-1", "index": 0, "name": "x"}


@pytest.mark.parametrize(
    ("asked", "family", "grant", "device", "reason"),
    [
        ("cpu", "random_forest", (0, None, None), "cpu", None),
        ("cpu", "random_forest", (1, None, None), "cpu", "user_requested_cpu"),
        ("cpu", "command", (1, None, None), "cpu", "user_requested_cpu"),
        ("gpu", "random_forest", (0, None, None), "cpu", "no_gpu_detected"),
        ("gpu", "command", (0, None, None), "cpu", "no_gpu_detected"),
        ("gpu", "random_forest", (1, GPU, None), "cpu", "unsupported_model"),
        ("gpu", "command", (1, None, None), "cpu", "gpu_slot_unavailable"),
        ("gpu", "command", (1, None, "gpu_busy"), "cpu", "gpu_busy"),
        ("gpu", "command", (1, GPU, None), "gpu", None),
    ],
)
def test_the_table(
    asked: str, family: str, grant: tuple[int, Any, str | None], device: str, reason: str | None
) -> None:
    names = ("gpus", "gpu", "reason")
    found = decide(asked, family, dict(zip(names, grant, strict=True)))
    assert (found.type, found.gpu_reason) == (device, reason)


def test_a_gpu_request_without_a_gpu_completes_on_the_cpu(execute: Callable[..., Run]) -> None:
    run = execute({"device.type": "gpu"})
    assert run.code == 0
    assert run.result["effective_config"]["device"] == {"type": "cpu", "gpu_reason": "no_gpu_detected"}
    assert "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]" in run.tokens
