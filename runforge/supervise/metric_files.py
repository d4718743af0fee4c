"""Finds the files into which a run's tools write metrics, and lists them in sources.jsonl of the run folder.

A file counts if a process of the run has it open for writing, or if it changed after the start in a folder that
only this run has. It must be named as a well-known tool names it. A person's `metrics` in the request says which
file it is instead. Each look is bounded; a failure of any kind only means that less is found.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runforge.attempts.spec import Spec
from runforge.files.durable import open_file
from runforge.machine import os_process, process_tree
from runforge.metrics.patterns import NONE, PATTERN, compiled
from runforge.metrics.sources import kinds, listed
from runforge.metrics.sources.listed import CHANGED, HELD, MOST_FILES, NAMED, Source
from runforge.supervise.changed_files import changed_below
from runforge.supervise.earlier_files import EarlierFiles
from runforge.supervise.folder_claims import FolderClaims, Whose

#: Seconds from the start to the first look, and between the looks at first and later.
_FIRST, _SOON, _LATER = 1.0, 2.0, 30.0
#: The seconds after which looks are rarer.
AT_FIRST = 20.0
#: A shorter run notes no folders, and a shorter one is not looked at.
_CLAIMED, _SHORT = 0.1, 0.5
_MOST_PROCESSES = 256
_MOST_DESCRIPTORS = 8192
_MOST_ARGUMENTS = 200
#: So many bytes of a named file say which format it has.
_START = 8192
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class MetricFiles:
    """The search for one run's files."""

    def __init__(self, spec: Spec, may_open: Callable[[], bool]) -> None:
        self._spec = spec
        self._may_open = may_open
        self._wish = _wish(spec)
        self._claims: FolderClaims | None = None
        self._roots: list[str] = []
        self._listed: set[str] = set()
        self._earlier = EarlierFiles()
        #: Files of the run's earlier attempts.
        self._known: set[str] = set()
        self._started = self._next = 0.0
        self._since = 0.0

    def begin(self) -> None:
        """Write down what a person wishes."""
        self._started = time.monotonic()
        self._since = time.time()
        self._next = self._started + _FIRST
        if self._wish == NONE or self._wish.startswith(PATTERN):
            self._list(_of_wish(self._wish))

    def look(self) -> None:
        """Look for files if it is time."""
        now = time.monotonic()
        if self._claims is None and now - self._started >= _CLAIMED:
            self._note_folders()
        if now >= self._next:
            is_soon = now - self._started < AT_FIRST
            self._search(is_alive=True)
            self._next = time.monotonic() + (_SOON if is_soon else _LATER)

    def wait_seconds(self) -> float:
        """Return the seconds until the next look is due."""
        due = self._started + _CLAIMED if self._claims is None else self._next
        return max(0.0, due - time.monotonic())

    def _note_folders(self) -> None:
        self._claims = FolderClaims(self._spec.workspace / ".runforge", self._spec.token)
        with contextlib.suppress(OSError, ValueError):
            self._roots = list(_folders(self._spec))
            self._claims.claim(self._roots)
            for root in self._roots:
                self._earlier.note(changed_below(root, 0.0), self._since)
            self._known = set(_of_earlier_attempts(self._spec.run_dir))

    def end(self) -> None:
        """Look for the last time: what was written since the last look."""
        if time.monotonic() - self._started >= _SHORT or self._wish:
            self._search(is_alive=False)
        if self._claims is not None:
            self._claims.release()

    def _search(self, *, is_alive: bool) -> None:
        if self._wish == NONE:
            return
        with contextlib.suppress(OSError, ValueError):
            if self._wish and not self._wish.startswith(PATTERN):
                self._look_for_named()
                return
            for path in _held() if is_alive else ():
                self._take(path, HELD)
            self._look_for_changed()

    def _look_for_named(self) -> None:
        """Add the file that a person has named, once it has content; or all files of a named folder."""
        path = os.path.normpath(os.path.join(self._spec.cwd, self._wish))
        if os.path.isdir(path):
            for found in changed_below(os.path.realpath(path), self._since):
                self._found(found, NAMED)
            return
        start = _start_of(path)
        if start:
            self._found(path, NAMED, kinds.kind_of_start(path, start))

    def _look_for_changed(self) -> None:
        own = os.path.realpath(self._spec.run_dir)
        for root in [own, *self._roots]:
            for path in changed_below(root, self._since):
                if path in self._listed:
                    continue
                whose = Whose.OURS if root == own else self._whose(os.path.dirname(path), root)
                if whose is Whose.OURS:
                    self._take(path, CHANGED)
                elif whose is Whose.SHARED:
                    self._doubt(path)

    def _whose(self, folder: str, root: str) -> Whose:
        """Return who has a folder: the nearest folder up to the root that somebody has decides."""
        claims = self._claims
        if claims is None:
            return Whose.NOBODY
        while (whose := claims.whose(folder)) is Whose.NOBODY and folder != root:
            folder = os.path.dirname(folder)
        return whose

    def _take(self, path: str, by: str) -> None:
        """Add a file, unless it goes on what others have written."""
        if path not in self._listed and path not in self._known and self._earlier.goes_on(path):
            self._doubt(path)
        else:
            self._found(path, by)

    def _found(self, path: str, by: str, kind: str | None = None) -> None:
        kind = kind or kinds.kind_of_name(path)
        if kind == kinds.LINES and path not in self._listed:  # or it is one document
            start = _start_of(path)
            kind = kinds.kind_of_start(path, start) if start else None
        if kind is not None and path not in self._listed:
            self._list(listed.encode(file=Source(path, kind, by)), path)

    def _doubt(self, path: str) -> None:
        if f"?{path}" not in self._listed:
            self._list(listed.encode(doubtful=path), f"?{path}")

    def _list(self, line: bytes, key: str = "") -> None:
        """Add a line to sources.jsonl, whole or not at all."""
        if len(self._listed) >= 2 * MOST_FILES or not self._may_open():
            return
        with contextlib.suppress(OSError):
            descriptor = open_file(self._spec.run_dir / listed.NAME, _APPEND)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
            self._listed.add(key)


def _start_of(path: str) -> bytes:
    descriptor = open_file(Path(path), os.O_RDONLY)
    try:
        return os.pread(descriptor, _START, 0)
    finally:
        os.close(descriptor)


def _wish(spec: Spec) -> str:
    """Return `metrics` of the request with its `{name}` filled in; empty without one."""
    given = spec.payload.request.get("metrics")
    wish = given if isinstance(given, str) else ""
    if wish.startswith(PATTERN):
        return wish
    model = spec.payload.request.get("model")
    values = model.get("hyperparameters") if isinstance(model, dict) else None
    for name, value in _flat(values):
        wish = wish.replace(f"{{{name}}}", value)
    return wish


def _flat(values: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names, with dots for nested objects, and the values as texts."""
    for name, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else json.dumps(value)


def _of_wish(wish: str) -> bytes:
    if wish == NONE:
        return listed.encode(log=False)
    pattern = wish.removeprefix(PATTERN)
    try:
        compiled(pattern)
    except ValueError:
        return b""
    return listed.encode(pattern=pattern)


def _folders(spec: Spec) -> Iterator[str]:
    """Yield the folder where the run starts, and those in its arguments, which need not be there yet."""
    start = os.path.realpath(spec.cwd)
    yield start
    for argument in (spec.argv or ())[1:_MOST_ARGUMENTS]:
        text = argument.rpartition("=")[2]
        if "/" not in text and not os.path.isdir(os.path.join(start, text)):
            continue
        path = os.path.realpath(os.path.join(start, text))
        is_above = f"{start}/".startswith(f"{path.rstrip('/')}/")
        if not is_above and not os.path.isfile(path) and "://" not in text and "\0" not in text:
            yield path


def _of_earlier_attempts(run_dir: Path) -> Iterator[str]:
    """Yield the files that earlier attempts of the run have written."""
    for attempt in (run_dir / "previous").glob("*"):
        for source in listed.read(attempt).files:
            yield source.path


def _held() -> Iterator[str]:
    """Yield well-known files that the processes of the run have open for writing."""
    left = _MOST_DESCRIPTORS
    for pid in process_tree.tree_below()[:_MOST_PROCESSES]:
        for descriptor, path in os_process.open_descriptors(pid):
            left -= 1
            if left < 0:
                return
            if kinds.kind_of_name(path) is not None and os_process.is_open_for_writing(pid, descriptor):
                yield path
