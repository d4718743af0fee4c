"""A run's history as a person reads it: the journal's entries in words."""

from __future__ import annotations

from runforge.cli import output
from runforge.core.records import ASKED_AND_HELD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_WORDS = {
    "cancel_requested": "to be canceled",
    "edited": "request changed",
    "described": "name, tags or notes changed",
    "needs_set": "resources changed",
    "frozen": "frozen",
    "thawed": "goes on",
    "resumable_set": "resuming changed",
}
_CONDITIONS = {"ok": "to succeed", "fail": "to fail", "any": "to end"}


def lines(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each entry of a run's timeline, with local time."""
    for entry in entries:
        yield f"{output.moment(entry['at'])}  {_words(entry['event'], entry['detail'])}"


def _words(event: str, detail: dict[str, Any]) -> str:
    if event == "gates_set":
        return _gates(detail)
    if event in {"waits_for", "waits_no_more"}:
        more = " no more" if event == "waits_no_more" else ""
        return f"waits{more} for a {detail['kind']} {_CONDITIONS[detail['condition']]}"
    if event == "priority_set":
        return f"priority {detail['priority']}"
    if event == "yield_requested":
        return (
            "asked to yield, held then" if detail["yield_requested"] == ASKED_AND_HELD else "asked to yield"
        )
    if event == "yields_counted":
        return _yields(detail)
    return _WORDS.get(event, event.replace("_", " "))


def _yields(detail: dict[str, Any]) -> str:
    """Return how often a run has made room, and whether it gets on."""
    if not detail["idle_yields"]:
        return f"yielded, {detail['yields']} so far"
    return f"yielded, {detail['yields']} so far, {detail['idle_yields']} in a row without a new step"


def _gates(detail: dict[str, Any]) -> str:
    """Return what keeps a run from starting."""
    found = ["held"] if detail["held"] else []
    if detail["blockers"]:
        found.append("waits for others")
    if detail["delayed"]:
        found.append(f"not before {output.moment(detail['not_before'])}")
    return ", ".join(found) or "may start"
