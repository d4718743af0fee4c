"""A fake of NVIDIA's NVML: a folder for the module path, and the file that says which GPUs there are (fake_nvml.py)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_MODULE = Path(__file__).with_name("fake_nvml.py")

#: Part of a program: `claim(bytes)` takes memory on the devices that CUDA_VISIBLE_DEVICES names, until the process ends.
CLAIM = """
import os
def claim(size):
    folder = os.environ["FAKE_GPU_CLAIMS"]
    lines = "".join(f"{uuid} {size}\\n" for uuid in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if uuid)
    path = os.path.join(folder, f"new-{os.getpid()}")
    with open(path, "w") as file:
        file.write(lines)
    os.replace(path, os.path.join(folder, str(os.getpid())))
"""


class FakeNvml:
    """A folder for the module path, and what the made-up NVML says from now on."""

    def __init__(self, folder: Path) -> None:
        """Make the module and a world of two devices."""
        self.folder = folder
        self.claims = folder / "claims"
        self.claims.mkdir()
        (folder / "pynvml.py").write_text(_MODULE.read_text())
        self.says(2)

    @property
    def world(self) -> Path:
        """The file, for RUNFORGE_FAKE_NVML of a process that has another."""
        return self.folder / "world.json"

    def says(self, devices: int | list[dict[str, Any]] = 2, **more: Any) -> None:
        """Answer with this many devices, or with these; `errors` names the calls that fail, and how."""
        named = [{} for _ in range(devices)] if isinstance(devices, int) else devices
        world = {"devices": [{"uuid": uuid(n), **each} for n, each in enumerate(named)], **more}
        world.setdefault("claims", str(self.claims))
        self.world.with_suffix(".new").write_text(json.dumps(world))
        os.replace(self.world.with_suffix(".new"), self.world)


def uuid(number: int) -> str:
    """Return the UUID of a made-up device."""
    return f"GPU-{number:08x}-0000-0000-0000-000000000000"
