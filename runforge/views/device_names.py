"""What people call the daemon's devices. Light: a command that is called all day needs it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def called(gpus: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return what people call each device, `GPU 0 NVIDIA H100`, by its UUID."""
    names = {}
    for gpu in gpus:
        if isinstance(gpu.get("index"), int):
            names[str(gpu["uuid"])] = f"GPU {gpu['index']} {gpu.get('name') or ''}".strip()
    return names
