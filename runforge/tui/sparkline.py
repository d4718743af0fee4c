"""A row of small bars: how a metric went."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

_BARS = "▁▂▃▄▅▆▇█"


def levels(values: Sequence[float], high: float = 100.0) -> str:
    """Return values as bars between zero and `high`; one that is not finite, a time without a look, is a dot."""
    top = high if high > 0 else 1.0
    return "".join(
        _BARS[round(min(1.0, max(0.0, value / top)) * 7)] if isfinite(value) else "·" for value in values
    )


def sparkline(values: Sequence[float], width: int) -> str:
    """Return values as bars between the lowest and the highest; of more than fit, the mean of each part.

    A value that is not finite is a gap.
    """
    count = len(values)
    if count > width:
        parts = [values[place * count // width : (place + 1) * count // width] for place in range(width)]
        values = [sum(part) / len(part) for part in parts]
    finite = [value for value in values if isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    span = high - low
    if not isfinite(span) or span <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((v - low) / span * 7)] if isfinite(v) else " " for v in values)
