"""The signature of a failure: equal for equal failures, whatever numbers, addresses and paths they name. Pure."""

from __future__ import annotations

import re

from runforge.core.outcome import Ending, Told
from runforge.core.states import Cause, State

#: They say something of the machine, or of a person's wish, and nothing of the run.
_NOT_ITS_OWN = frozenset(
    {Cause.LOST, Cause.REBOOT, Cause.CANCELED, Cause.DEPENDENCY, Cause.GROUP_FAILED_FAST, Cause.POSTPONED}
)
_LONGEST = 240
#: The class of an exception: what stands before the first colon.
_CLASS = re.compile(r"[A-Za-z_][\w.]*(?:::\w+)*(?=:(?!:)|$)")
#: What differs from run to run, and what stands for it.
_BLANKS = (
    (re.compile(r"\|[^|]{0,400}\|(?=\s*\d)"), "|"),  # the bar of a progress bar
    (re.compile(r"\b\w+://[^\s'\")]+"), "<url>"),
    (
        re.compile(
            r"(?:(?<![\w.])(?:~|\.{1,2})?/[\w.+@%~=,-]+(?:/[\w.+@%~=,-]*)*|\b[\w.+@%~=,-]+(?:/[\w.+@%~=,-]+)+\.\w+)"
        ),
        "<path>",
    ),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "#"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b"), "#"),
    (re.compile(r"[-+]?\d+(?:[.,:_]\d+)*(?:[eE][-+]?\d+)?"), "#"),
    (re.compile(r"#(?:[\s,x]*#)+"), "#"),  # shapes and lists of other lengths
    (re.compile(r"\s+"), " "),
)


def of(ending: Ending, told: Told | None) -> str | None:
    """Return the signature of an ending; None if it is no failure of the run itself."""
    if ending.state is not State.FAILED or ending.cause in _NOT_ITS_OWN:
        return None
    end = ending.cause.value
    if ending.exit_code is not None:
        end += f" {ending.exit_code}"
    elif ending.signal is not None:
        end += f" {ending.signal}"
    if told is None:
        # A refused start has a sentence of its own, and no log.
        return end if ending.cause is Cause.EXIT else f"{end}: {blanked(ending.error or '')}"
    frame = f" ({blanked(told.frame)})" if told.frame else ""
    return f"{end}: {blanked(told.line)}{frame}"


def blanked(text: str) -> str:
    """Return a text without what differs from run to run."""
    found = _CLASS.match(text)
    kind = found[0] if found is not None else ""
    rest = text[len(kind) :]
    for pattern, blank in _BLANKS:
        rest = pattern.sub(blank, rest)
    text = f"{kind}{rest}".strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
