"""Which device a run uses, and the true reason if it is not the requested one.

Decided once, when the attempt's spec is built. Everything else reads it there.
"""

from __future__ import annotations

from typing import NamedTuple


class Device(NamedTuple):
    """The device that is used, `cpu` or `gpu`; and why the GPU is not used."""

    type: str
    gpu_reason: str | None = None

    def document(self) -> dict[str, str]:
        """Return the device as result.json shows it."""
        return {"type": self.type, **({"gpu_reason": self.gpu_reason} if self.gpu_reason else {})}


def decide(device_type: str, family: str, *, gpus: int, is_granted: bool) -> Device:
    """Return the device of a run: `gpus` is how many the machine has, `is_granted` whether the run got one.

    scikit-learn's families have no GPU code, so they never report a GPU.
    """
    if device_type != "gpu":
        return Device("cpu", "user_requested_cpu" if gpus else None)
    if not gpus:
        return Device("cpu", "no_gpu_detected")
    if family != "command":
        return Device("cpu", "unsupported_model")
    if not is_granted:
        return Device("cpu", "gpu_slot_unavailable")
    return Device("gpu")
