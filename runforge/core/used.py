"""What an attempt used of the machine, as far as somebody watched. Plain data; None is not known."""

from __future__ import annotations

from runforge.named import NamedTuple


class Used(NamedTuple):
    """The record of one attempt."""

    #: The highest memory on each of its devices in MB, by UUID.
    peak_vram: dict[str, int] = {}  # noqa: RUF012 - never changed
    #: How busy its devices were, in percent: the mean over them and over time. Shared ones count with all their runs.
    gpu_use: float | None = None
    #: For how long it had its devices, in seconds: two devices for a minute are 120.
    gpu_seconds: float | None = None
    #: The memory of its largest process in MB.
    peak_rss_mb: float | None = None
    #: Of all its processes together.
    cpu_seconds: float | None = None
    #: Which part of its time the devices were watched, from 0 to 1.
    watched: float | None = None
