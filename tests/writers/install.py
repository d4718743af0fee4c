"""Makes an environment with the tools whose files RunForge reads, as far as they can be installed here.

`python tests/writers/install.py FOLDER` prints one line for each tool.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

TOOLS = (
    "numpy",
    "tensorboardX",
    "wandb",
    "lightgbm",
    "xgboost",
    "catboost",
    "torch",
    "tensorboard",
    "lightning",
    "transformers accelerate",
    "keras",
    "fastai",
    "dvclive",
    "mmengine",
)
SECONDS = 900


def main(folder: Path) -> None:
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    for tool in TOOLS:
        command = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        try:
            done = subprocess.run(
                [*command, *tool.split()], capture_output=True, check=False, timeout=SECONDS
            )
            is_there = done.returncode == 0
        except subprocess.TimeoutExpired:
            is_there = False
        print(f"{tool}: {'installed' if is_there else 'could not be installed here'}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
