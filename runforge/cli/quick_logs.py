"""`logs` of one run, the quick way: into a pipe as it is; on a terminal only a log that is plain text."""

from __future__ import annotations

import sys

from runforge.cli import output
from runforge.files.reading import open_file
from runforge.store.look import look
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.place import Place
    from runforge.store.transaction import Transaction

#: The full way reads as much at once.
_CHUNK = 256 * 1024


#: The newest run.
NEWEST = "@last"


def answer(place: Place, targets: list[str]) -> bool:
    """Print the log of the run with this number, or of the newest; False if it is left to the full way."""
    name = targets[0] if targets else NEWEST
    is_number = name.isascii() and name.isdigit() and name[0] != "0" and len(name) < 8
    if len(targets) > 1 or not (is_number or name == NEWEST):
        return False

    def read(tx: Transaction) -> str | None:
        found = (
            tx.row("look.folder", number=int(name), text=name) if is_number else tx.row("look.newest_folder")
        )
        return None if found is None else str(found[0])

    folder = look(place, read)
    if folder is None:
        return False
    try:
        log = open_file(os.path.join(place.root, folder, "logs.txt"), os.O_RDONLY)
    except OSError:
        return False
    try:
        return _print_plain(log) if output.is_terminal() else _copy(log)
    finally:
        os.close(log)


def _copy(log: int) -> bool:
    sys.stdout.flush()
    while chunk := os.read(log, _CHUNK):
        sys.stdout.buffer.write(chunk)
    return True


def _print_plain(log: int) -> bool:
    """Print a short log of whole lines in which nothing has to be made harmless; there are no colours in it then."""
    chunk = os.read(log, _CHUNK)
    try:
        text = chunk.decode("utf-8")
    except UnicodeDecodeError:
        return False
    is_plain = text.replace("\n", "").replace("\t", "").isprintable() and text[-1:] in {"\n", ""}
    if not is_plain or len(chunk) == _CHUNK:
        return False
    sys.stdout.write(text)
    return True
