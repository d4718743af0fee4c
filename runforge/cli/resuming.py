"""What `--resumable` and `--on-lost` mean in a request."""

from __future__ import annotations

from runforge.core import yielding
from runforge.errors import InvalidRequest
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def resuming(signal: str | None, on_lost: str | None, *, none: str | None = None) -> dict[str, Any]:
    """Return the fields of a request; none for what was not given, and None for what is to be removed (`none`)."""
    found: dict[str, Any] = {}
    if none is not None and signal == none:
        found = {"resumable": None, "yield_signal": None}
    elif signal is not None:
        name = signal.upper().removeprefix("SIG")
        if name not in yielding.SIGNALS:
            words = f"--resumable={signal[:40]} names no signal that a program can save at"
            raise InvalidRequest(words, fix=_known(name, yielding.SIGNALS))
        found["resumable"] = True
        if name != yielding.USUAL_SIGNAL or none is not None:
            found["yield_signal"] = None if name == yielding.USUAL_SIGNAL else name
    if none is not None and on_lost == none:
        found["on_lost"] = None
    elif on_lost is not None:
        if on_lost not in yielding.ON_LOST:
            words = f"--on-lost {on_lost[:40]!r} is unknown"
            raise InvalidRequest(words, fix=_known(on_lost, yielding.ON_LOST))
        found["on_lost"] = on_lost
    return found


def _known(word: str, words: Sequence[str]) -> str:
    return did_you_mean(word, words) or f"Give one of {', '.join(words)}"
