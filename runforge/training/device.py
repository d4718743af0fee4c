"""Which device a run uses, and the honest reason where it is not the one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Device:
    """`cpu` or `gpu` as used; the reason where the GPU was not used."""

    type: str
    gpu_reason: str | None = None

    def document(self) -> dict[str, str]:
        """Return the device as result.json shows it."""
        return {"type": self.type, **({"gpu_reason": self.gpu_reason} if self.gpu_reason else {})}


def decide(device_type: str, family: str, grant: dict[str, Any]) -> Device:
    """Return the device of a run.

    scikit-learn's families have no GPU code, so they never report a GPU. `grant` says how many GPUs
    the machine has (`gpus`), which one the run got (`gpu`), and why it got none (`reason`).
    """
    if device_type != "gpu":
        return Device("cpu", "user_requested_cpu" if grant["gpus"] else None)
    if not grant["gpus"]:
        return Device("cpu", "no_gpu_detected")
    if family != "command":
        return Device("cpu", "unsupported_model")
    if grant["gpu"] is None:
        return Device("cpu", grant["reason"] or "gpu_slot_unavailable")
    return Device("gpu")
