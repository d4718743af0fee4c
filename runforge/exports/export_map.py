"""The note `queue/queue.map`, by which the next exporter goes on where the last one was.

It stands for all exported files: it is written after them, with a fingerprint of them.
"""

from __future__ import annotations

import zlib

from runforge import light_json
from runforge.exports.list_blocks import Identity, Layout
from runforge.exports.window import BLOCK, Oldest
from runforge.files.durable import read_bounded, write_atomic
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runforge.paths import Path

_LIMIT = 64 * 1024 * 1024


class Noted(NamedTuple):
    """What is known of the exported files."""

    #: They show the journal up to this entry.
    seq: int
    fingerprint: int
    #: Of queue.json.
    layout: Layout
    #: The oldest ended job that queue.json shows.
    oldest: Oldest
    #: Groups whose files are still to be written; true: they have changed.
    behind: dict[str, bool]


def fingerprint(written: Mapping[str, Identity], entry: tuple[object, ...]) -> int:
    """Return a fingerprint of the files, of their blocks and of the journal that they show."""
    return zlib.crc32(repr((sorted(written.items()), entry, BLOCK)).encode("utf-8", "surrogateescape"))


def read(path: Path) -> Noted | None:
    """Return the note; None if there is none that can be used, or only an older version's."""
    try:
        found = light_json.loads(read_bounded(path, _LIMIT))
        inode, size, changed = map(int, found["identity"])
        blocks = {int(number): int(length) for number, length in found["blocks"]}
        layout = Layout((inode, size, changed), int(found["start"]), blocks)
        finished_at, seq = found["oldest"]
        behind = {str(group): True for group in found["changed"]}
        behind |= {str(group): False for group in found["unknown"]}
        oldest = Oldest(str(finished_at), int(seq))
        return Noted(int(found["seq"]), int(found["fingerprint"]), layout, oldest, behind)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write(path: Path, noted: Noted) -> None:
    """Write the note, after all files that it stands for."""
    document = {
        "seq": noted.seq,
        "fingerprint": noted.fingerprint,
        "identity": noted.layout.identity,
        "start": noted.layout.start,
        "blocks": list(noted.layout.blocks.items()),
        "oldest": noted.oldest,
        "changed": [group for group, has_changed in noted.behind.items() if has_changed],
        "unknown": [group for group, has_changed in noted.behind.items() if not has_changed],
    }
    write_atomic(path, light_json.dumps(document).encode("utf-8"), durable=False)
