"""One run of a sweep, or a run of its own: its request, and what of it the sweep has changed."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.documents.request import Request


class RunOverrides(NamedTuple):
    """What a run changes, and the resulting request."""

    overrides: dict[str, Any]
    request: Request
