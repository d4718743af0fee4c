"""What is imported, or compiled, only when it is first used: each of these takes as long to import as a short command runs.

A type checker sees the modules themselves, and compiled patterns. Flags of a pattern stand in its text: `(?i)`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr


class _Module:
    """Stands for a module, and has all that it has."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        found = sys.modules.get(self.__name__) or __import__(self.__name__, fromlist=[name])
        return getattr(found, name)


def module(name: str) -> Any:
    """Return what stands for a module until something of it is used."""
    return _Module(name)


if TYPE_CHECKING:
    import copy as copy  # noqa: PLC0414 - others take them from here
    import csv as csv  # noqa: PLC0414
    import ctypes as ctypes  # noqa: PLC0414
    import json as json  # noqa: PLC0414
    import random as random  # noqa: PLC0414
    import re as re  # noqa: PLC0414
    import shlex as shlex  # noqa: PLC0414
    import shutil as shutil  # noqa: PLC0414
    import subprocess as subprocess  # noqa: PLC0414
else:
    copy, csv, ctypes, json, random, re, shlex, shutil, subprocess = map(
        module, ("copy", "csv", "ctypes", "json", "random", "re", "shlex", "shutil", "subprocess")
    )


class _Pattern:
    """Stands for a compiled pattern, and has all that it has."""

    __slots__ = ("_made", "_text")

    def __init__(self, text: Any) -> None:
        self._text = text
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = re.compile(self._text)
        return getattr(self._made, name)


def pattern(text: AnyStr) -> re.Pattern[AnyStr]:
    """Return a pattern that is compiled when it is first used."""
    return _Pattern(text)  # type: ignore[return-value]
