"""The end of a run's log: what a person looks at first when a run has failed."""

from __future__ import annotations

from runforge.files import tail
from runforge.text import safe, safe_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

#: A traceback of a deep program is longer, but its last lines say it.
_TAIL = 16 * 1024
_OWN_LINE = "[RF:"


def last_lines(run_dir: Path | str, most: int) -> list[str]:
    """Return the last lines of a run's log, harmless to a terminal, without empty lines and RunForge's tokens."""
    text = safe_log(_tail(f"{run_dir}/logs.txt").decode("utf-8", "replace"))
    lines = [line.rstrip() for line in text.split("\n")]
    told = [line for line in lines if line.strip() and not line.startswith(_OWN_LINE)]
    return [safe(line) for line in told[-most:]]


def _tail(path: str) -> bytes:
    try:
        data, is_whole = tail.read(path, _TAIL)
    except OSError:
        return b""
    # The beginning of the first line is missing; of a single line the end is still worth something.
    return data if is_whole else data.partition(b"\n")[2] or data
