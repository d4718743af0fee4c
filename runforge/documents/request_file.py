"""Reading a request.json from a file."""

from __future__ import annotations

from runforge.digest import sha256_of
from runforge.documents import edited_request, strict_json
from runforge.documents.edited_request import REQUEST_LIMIT
from runforge.documents.placeholders import require_filled
from runforge.documents.request import Request, parse_request
from runforge.errors import (
    InvalidRequest,
    Missing,
)
from runforge.files.durable import read_bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runforge.paths import Path


def read_request(path: Path) -> Request:
    """Return the checked request in a file; Missing or InvalidRequest if it cannot be used."""
    return read_queued(path)[0]


def read_new_request(path: Path) -> Request:
    """Return the request of a file to submit: like `read_request`, but its command must be complete."""
    request = read_request(path)
    require_filled(request, where=str(path))
    return request


def read_queued_request(path: Path) -> tuple[Request, str]:
    """Return a request to submit, and the digest of its file; see `read_new_request`."""
    request, sha = read_queued(path)
    require_filled(request, where=str(path))
    return request, sha


def read_queued(path: Path) -> tuple[Request, str]:
    """Return the checked request in a file, and the digest of the file."""
    data = _read(lambda: read_bounded(path, REQUEST_LIMIT), str(path))
    return _parsed(data, str(path)), digest(data)


def read_of_run(folder: Path, sha: str | None) -> tuple[Request, str]:
    """Return the request of a run and the digest of its file; another digest than `sha` is not what was queued."""
    edited_request.place(folder, sha)
    return read_queued(folder / "request.json")


def digest(data: bytes) -> str:
    """Return what the journal keeps of a request's file, to see later whether it was changed."""
    return sha256_of(data)


def read_given_request(path: Path) -> tuple[Request, bytes]:
    """Return the request that a command line names (file or stream) and its bytes; see `read_new_request`."""
    from runforge.files.given import read_given, shown

    where = shown(path)
    data = _read(lambda: read_given(path, REQUEST_LIMIT), where)
    request = _parsed(data, where)
    require_filled(request, where=where)
    return request, data


def read_given_document(path: Path) -> dict[str, Any]:
    """Return the request that a command line names as it is, not checked yet: a sweep may fill what it lacks."""
    from runforge.files.given import read_given, shown

    where = shown(path)
    data = _read(lambda: read_given(path, REQUEST_LIMIT), where)
    return strict_json.parse(data, what="request", limit=REQUEST_LIMIT, error=InvalidRequest, where=where)


def _read(read: Callable[[], bytes], where: str) -> bytes:
    try:
        return read()
    except FileNotFoundError:
        raise Missing(f"request not found: {where}", fix="Check the path") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(f"cannot be read: {reason}", where=where) from error


def _parsed(data: bytes, where: str) -> Request:
    parsed = strict_json.parse(data, what="request", limit=REQUEST_LIMIT, error=InvalidRequest, where=where)
    return parse_request(parsed, where=where)
