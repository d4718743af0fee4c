"""The artifacts of a run: the files in its folder, by type and size."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

_TYPES = {
    "model.pkl": "model",
    "metrics.json": "metrics",
    "label_encoder.pkl": "encoder",
    "feature_importance.json": "feature_importance",
    "linear_coefficients.json": "linear_coefficients",
}
_MODELS = {".pt", ".pth", ".pkl", ".joblib", ".onnx", ".safetensors", ".h5", ".keras", ".bin"}
_LIMIT = 1000


def listing(run_dir: Path) -> list[dict[str, Any]]:
    """Return the artifacts below `artifacts/`, at most a thousand; links are not followed."""
    found: list[dict[str, Any]] = []
    root = os.fspath(run_dir)
    for folder, folders, files in os.walk(f"{root}/artifacts"):
        folders.sort()
        for name in sorted(files):
            path = f"{folder}/{name}"
            size = _size(path)
            if size is None:
                continue
            found.append(
                {
                    # A name need not be UTF-8; half of a surrogate pair would spoil the document.
                    "path": os.fsencode(path[len(root) + 1 :]).decode("utf-8", "replace"),
                    "type": _type(name),
                    "bytes": size,
                }
            )
            if len(found) >= _LIMIT:
                return found
    return found


def _size(path: str) -> int | None:
    """Return the size of a regular file; None if it is something else, or gone."""
    try:
        info = os.lstat(path)
    except OSError:
        return None
    return info.st_size if stat.S_ISREG(info.st_mode) else None


def _type(name: str) -> str:
    if name in _TYPES:
        return _TYPES[name]
    if "checkpoint" in name.lower() or name.endswith(".ckpt"):
        return "checkpoint"
    if name.endswith((".log", ".txt")):
        return "log"
    return "model" if Path(name).suffix in _MODELS else "other"
