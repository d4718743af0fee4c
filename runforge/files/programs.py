"""Finds the file of a program as a shell would: by its path, or in the folders of a PATH."""

from __future__ import annotations

from runforge.system import os


def find(name: str, path: str, folder: str = "") -> str:
    """Return the program's file; one without execute permission if there is no better one, else an empty text.

    A name with a slash, and a relative folder of the PATH, are below `folder`, where the program starts.
    """
    if os.path.dirname(name):
        candidate = os.path.join(folder, name)
        return candidate if os.path.isfile(candidate) else ""
    found = ""
    for entry in path.split(os.pathsep):
        is_plain = entry[:1] == "/" != entry[-1:]  # nearly all are, and each run looks for its program
        candidate = f"{entry}/{name}" if is_plain else os.path.join(folder, entry, name)
        if os.access(candidate, os.F_OK) and os.path.isfile(candidate):  # most folders do not have it
            if os.access(candidate, os.X_OK):
                return candidate
            found = found or candidate
    return found


def shown(path: str, limit: int = 400) -> str:
    """Return a PATH for a message; a long one without its end."""
    return path if len(path) <= limit else path[:limit] + "..."
