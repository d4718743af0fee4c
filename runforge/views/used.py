"""What an attempt used, in words."""

from __future__ import annotations

from runforge import cells
from runforge.core.used import Used

_ALL = 0.995


def used_text(used: Used | None) -> str:
    """Return what an attempt used; an empty text if nothing is known."""
    return ", ".join(_parts(used)) if used is not None else ""


def _parts(used: Used) -> list[str]:
    parts = []
    if used.peak_vram:
        peaks = " + ".join(cells.gib(mb) for mb in used.peak_vram.values())
        parts.append(f"GPU memory {peaks}")
    if used.gpu_use is not None:
        parts.append(f"GPU {used.gpu_use:.0f} % busy")
    if used.watched is not None and used.watched < _ALL:
        parts.append(f"watched for {used.watched:.0%} of its time")
    if used.peak_rss_mb is not None:
        parts.append(f"memory {cells.gib(used.peak_rss_mb)}")
    if used.cpu_seconds is not None:
        parts.append(f"CPU time {cells.duration(used.cpu_seconds)}")
    return parts
