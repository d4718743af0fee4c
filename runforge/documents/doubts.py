"""Parts of a request or a plan that nobody reads: accepted, but with a warning when it is submitted.

Fields of other programs are allowed, so none is refused. But most of them are typing mistakes.
"""

from __future__ import annotations

from runforge.documents.estimator_table import TABLE
from runforge.documents.known_fields import AXIS, DIMENSION, PLAN, hint, unknown, unknown_in_request
from runforge.documents.placeholders import left_in, names_in
from runforge.text import did_you_mean, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from runforge.documents.request import Request

_MOST_TOLD = 5


def in_request(request: Request, at: str = "") -> Iterator[str]:
    """Yield a sentence for each field that nobody reads, and for each `{name}` that nothing fills."""
    prefix = f"{at}." if at else ""
    known = [*request.hyperparameters, *names_in(request.command), *TABLE.get(request.family, ())]
    for path in unknown_in_request(request.raw):
        yield _unread(f"{prefix}{path}", hint(path, known))
    yield from (f"{prefix}{sentence}" for sentence in left_in(request))


def unread_in_plan(document: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each field of a plan that nobody reads, without those of its base_request."""
    for path in unknown(document, PLAN):
        yield _unread(path, hint(path, (), PLAN))
    strategy = document["strategy"]
    is_list = strategy["type"] == "list"
    tree = AXIS if strategy["type"] == "grid" else DIMENSION
    for index, axis in enumerate(() if is_list else strategy["parameters"]):
        for name in unknown(axis, tree):
            yield _unread(f"strategy.parameters[{index}].{name}", did_you_mean(name, tree))
    if strategy.get("runs") and (not is_list or strategy.get("parameters")):
        other = "parameters" if is_list else "runs"
        yield _unread(f"strategy.{other}", f"The strategy is {strategy['type']!r}")


def _unread(path: str, meant: str) -> str:
    text = f"RunForge does not read {path:.120}"
    return f"{text}. {meant}" if meant else text


def warnings(sentences: Iterable[str], where: str) -> list[str]:
    """Return warnings for the user: the first few, and how many more there are."""
    found = list(sentences)
    lines = [safe(f"WARNING: {where}: {sentence}") for sentence in found[:_MOST_TOLD]]
    if len(found) > _MOST_TOLD:
        lines.append(safe(f"WARNING: {where}: and {len(found) - _MOST_TOLD} more of this kind"))
    return lines
