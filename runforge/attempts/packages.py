"""The lists of installed packages: where they are, and which one an attempt names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runforge.files.durable import read_if_there

#: The file in an attempt's folder that names its list.
NAME = "packages"
_LIMIT = 4 << 20


def folder_of(workspace: Path) -> Path:
    """Return the folder of the lists, each under the digest of its content."""
    return workspace / ".runforge" / "packages"


def read(workspace: Path, attempt_dir: Path) -> dict[str, str]:
    """Return the packages of an attempt, name to version; empty if they are not known."""
    named = (read_if_there(attempt_dir / NAME, 256) or b"").decode("ascii", "replace").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", named):
        return {}
    data = read_if_there(folder_of(workspace) / f"{named}.json", _LIMIT)
    try:
        listed = json.loads(data or b"{}")["packages"]
        pairs = (str(each).partition("==") for each in listed)
        return {name: version for name, _, version in pairs}
    except (ValueError, LookupError, TypeError):
        return {}
