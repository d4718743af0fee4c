"""Identifiers: how they are made, and which ones from outside are accepted.

Their formats are in docs/contract.md, section 1.
"""

from __future__ import annotations

import re

from runforge.errors import InvalidRequest

_ALLOWED = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME_LENGTH = 20
_RUN_NAME_LENGTH = 40


def checked(identifier: str, *, what: str) -> str:
    """Return the identifier if it is safe as a file name, else raise InvalidRequest."""
    if re.fullmatch(_ALLOWED, identifier) is None or ".." in identifier or identifier.endswith("."):
        raise InvalidRequest(
            f"{what} {identifier[:60]!r} is not an identifier",
            fix="Use letters, digits, '.', '_' and '-', at most 128, starting with a letter "
            "or digit, without '..'",
        )
    return identifier


def stamp(now: str) -> tuple[str, str]:
    """Return (YYYYMMDD, HHMMSS) of a contract timestamp."""
    return now[0:4] + now[5:7] + now[8:10], now[11:13] + now[14:16] + now[17:19]


def job_id(now: str, number: int) -> str:
    """Return `job_YYYYMMDD_HHMMSS_NNNN`; the number is unique in the workspace."""
    day, second = stamp(now)
    return f"job_{day}_{second}_{number:04d}"


def group_id(now: str, name: str, *, repeat: int = 1) -> str:
    """Return `grp_YYYYMMDD_HHMMSS_<name>`, with `_<repeat>` when that one is taken."""
    day, second = stamp(now)
    short = re.sub(r"[^A-Za-z0-9]", "_", name[:_NAME_LENGTH]) or "sweep"
    suffix = f"_{repeat}" if repeat > 1 else ""
    return f"grp_{day}_{second}_{short}{suffix}"


def sweep_run_id(now: str, number: int) -> str:
    """Return `YYYYMMDD-HHMMSS-sweep-NNNN`; the number is unique in the workspace."""
    day, second = stamp(now)
    return f"{day}-{second}-sweep-{number:04d}"


def named_run_id(now: str, name: str, number: int) -> str:
    """Return `YYYYMMDD-HHMMSS-<name>-NNNN`; the number is unique in the workspace."""
    day, second = stamp(now)
    short = re.sub(r"[^A-Za-z0-9_]+", "-", name)[:_RUN_NAME_LENGTH].strip("-") or "run"
    return f"{day}-{second}-{short}-{number:04d}"


def direct_run_id(now: str, token: str) -> str:
    """Return the id of a run made by `run --request`; the token keeps it unique."""
    day, second = stamp(now)
    return f"{day}-{second}-run-{token[:8]}"
