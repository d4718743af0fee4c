"""Runs for the tests of kept workers: each executes the code in its request. What it could leave behind is here."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from runforge.attempts.spec import Spec

STATE = 0
SETTINGS: dict[str, Any] = {"colour": "blue"}
SEEN: list[str] = []


class Tool:
    """Something with attributes."""

    size = 1

    def __init__(self) -> None:
        self.speed = 1


TOOL = Tool()


def collect(item: str, into: list[str] = []) -> list[str]:  # noqa: B006 - what a run could leave behind
    """Remember what was given before."""
    into.append(item)
    return into


@lru_cache
def hoard(megabytes: int) -> bytes:
    """Return bytes that nobody can see and that stay in memory."""
    return b"x" * (megabytes * 1024 * 1024)


def main(spec: Spec) -> int:
    """Execute the code of a request; print the process that did it."""
    print("process", os.getpid(), flush=True)
    names: dict[str, Any] = {}
    exec(spec.payload.request["code"], names)
    return int(names.get("code", 0))


def executed() -> frozenset[str]:
    """Return the modules whose code these runs execute."""
    return frozenset({__name__, "json", "os", "warnings", "contextlib", "subprocess", "resource"})


def look() -> list[Any]:
    """Return what NumPy's global state is."""
    from runforge.training import global_state

    return global_state.look()
