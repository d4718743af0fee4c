"""Reading a request.json from a file."""

from __future__ import annotations

from pathlib import Path

from runforge.documents import strict_json
from runforge.documents.request import Request, parse_request
from runforge.errors import (
    InvalidRequest,
    Missing,
)
from runforge.files.durable import read_bounded

#: Largest request.json that is read.
REQUEST_LIMIT = 1024 * 1024


def read_request(path: Path) -> Request:
    """Return the checked request in a file; Missing or InvalidRequest if it cannot be used."""
    try:
        data = read_bounded(path, REQUEST_LIMIT)
    except FileNotFoundError:
        raise Missing(f"request not found: {path}", fix="Check the path") from None
    except OSError as error:
        raise InvalidRequest(f"cannot be read: {error.strerror}", where=str(path)) from error
    parsed = strict_json.parse(
        data, what="request", limit=REQUEST_LIMIT, error=InvalidRequest, where=str(path)
    )
    return parse_request(parsed, where=str(path))
