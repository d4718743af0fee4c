"""A plan and a request that are good, and their changed copies."""

from __future__ import annotations

import json
from typing import Any

from runforge.cli import samples


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**document, **changes}


PLAN = samples.plan("/somewhere")
REQUEST = samples.request()


def plan_bytes(**changes: Any) -> bytes:
    return json.dumps(changed(PLAN, **changes)).encode()


def grid(*parameters: tuple[str, list[Any]]) -> dict[str, Any]:
    return {"type": "grid", "parameters": [{"path": p, "values": v} for p, v in parameters]}
