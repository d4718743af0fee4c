"""The device is what was really used, and the reason is an honest one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runforge.core.device import decide
from tests.training.kit import Run


@pytest.mark.parametrize(
    ("asked", "family", "gpus", "is_granted", "device", "reason"),
    [
        ("cpu", "random_forest", 0, False, "cpu", None),
        ("cpu", "random_forest", 1, False, "cpu", "user_requested_cpu"),
        ("cpu", "command", 1, False, "cpu", "user_requested_cpu"),
        ("gpu", "random_forest", 0, False, "cpu", "no_gpu_detected"),
        ("gpu", "command", 0, False, "cpu", "no_gpu_detected"),
        ("gpu", "random_forest", 1, True, "cpu", "unsupported_model"),
        ("gpu", "command", 1, False, "cpu", "gpu_slot_unavailable"),
        ("gpu", "command", 1, True, "gpu", None),
    ],
)
def test_the_table(
    asked: str, family: str, gpus: int, is_granted: bool, device: str, reason: str | None
) -> None:
    found = decide(asked, family, gpus=gpus, is_granted=is_granted)
    assert (found.type, found.gpu_reason) == (device, reason)


def test_a_gpu_request_without_a_gpu_completes_on_the_cpu(execute: Callable[..., Run]) -> None:
    run = execute({"device.type": "gpu"})
    assert run.code == 0
    assert run.result["effective_config"]["device"] == {"type": "cpu", "gpu_reason": "no_gpu_detected"}
    assert "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]" in run.tokens
