"""Identifiers: how they are made, and which ones from outside are accepted.

Their formats are in docs/contract.md, section 1.
"""

from __future__ import annotations

from runforge.errors import InvalidRequest

_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_ALLOWED = _WORD | frozenset(".-")
_LENGTH = 128
_NAME_LENGTH = 20
_RUN_NAME_LENGTH = 40


def checked(identifier: str, *, what: str) -> str:
    """Return the identifier if it is safe as a file name, else raise InvalidRequest."""
    is_wrong = not identifier or identifier[0] in "._-" or not set(identifier) <= _ALLOWED
    if is_wrong or len(identifier) > _LENGTH or ".." in identifier or identifier.endswith("."):
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
    short = "".join(each if each in _WORD else "_" for each in name[:_NAME_LENGTH]) or "sweep"
    suffix = f"_{repeat}" if repeat > 1 else ""
    return f"grp_{day}_{second}_{short}{suffix}"


def sweep_run_id(now: str, number: int) -> str:
    """Return `YYYYMMDD-HHMMSS-sweep-NNNN`; the number is unique in the workspace."""
    day, second = stamp(now)
    return f"{day}-{second}-sweep-{number:04d}"


def named_run_id(now: str, name: str, number: int) -> str:
    """Return `YYYYMMDD-HHMMSS-<name>-NNNN`; the number is unique in the workspace."""
    day, second = stamp(now)
    words = "".join(each if each in _WORD else " " for each in name).split()
    short = "-".join(words)[:_RUN_NAME_LENGTH].strip("-") or "run"
    return f"{day}-{second}-{short}-{number:04d}"


def direct_run_id(now: str, token: str) -> str:
    """Return the id of a run made by `run --request`; the token keeps it unique."""
    day, second = stamp(now)
    return f"{day}-{second}-run-{token[:8]}"
