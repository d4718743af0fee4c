"""Paths without `pathlib`, which takes as long to import as a short command runs.

A type checker sees `pathlib.Path`. What is not done here is asked of it, so that a path from here can do the same.
"""

from __future__ import annotations

import stat

from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path as Path  # noqa: PLC0414 - others take it from here
    from typing import Any
else:
    from errno import EBADF, ELOOP, ENOENT, ENOTDIR

    #: Errors that mean: nothing is there.
    _ABSENT = frozenset({ENOENT, ENOTDIR, EBADF, ELOOP})

    class Path:
        """The path of a file, as `pathlib` has it."""

        __slots__ = ("_text",)

        def __init__(self, *parts: str | os.PathLike[str]) -> None:
            self._text = _normal(os.path.join(*parts)) if parts else "."

        @classmethod
        def cwd(cls) -> Path:
            """Return the current folder."""
            return cls(os.getcwd())

        @classmethod
        def home(cls) -> Path:
            """Return the home folder; RuntimeError if there is none."""
            return cls("~").expanduser()

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # none of the public ones: copying and the like ask for those
                raise AttributeError(name)
            return getattr(self._whole(), name)

        def _whole(self) -> Any:
            import pathlib

            return pathlib.Path(self._text)

        def __fspath__(self) -> str:
            return self._text

        def __str__(self) -> str:
            return self._text

        def __repr__(self) -> str:
            return f"Path({self._text!r})"

        def __reduce__(self) -> Any:
            return type(self), (self._text,)

        def __hash__(self) -> int:
            return hash(self._whole())

        def __eq__(self, other: object) -> bool:
            if isinstance(other, str) or not hasattr(other, "__fspath__"):
                return NotImplemented
            return self._text == os.fspath(other)

        def __lt__(self, other: Any) -> bool:
            return self._whole() < type(self)(other)._whole()

        def __truediv__(self, other: str | os.PathLike[str]) -> Path:
            text = self._text
            if type(other) is not str or not _is_plain(other) or text[-1] in "./":
                return type(self)(text, other)
            return _made(type(self), f"{text}/{other}")

        def __rtruediv__(self, other: str | os.PathLike[str]) -> Path:
            return type(self)(other, self._text)

        @property
        def name(self) -> str:
            """The last part."""
            last = self._text.rpartition("/")[2]
            return "" if last == "." else last

        @property
        def parent(self) -> Path:
            """The folder that it is in."""
            above = self._text.rpartition("/")[0]
            return _made(type(self), above) if above.strip("/") else type(self)(os.path.dirname(self._text))

        @property
        def parents(self) -> Any:
            """The folders above it, the nearest first."""
            found, folder = [], self
            while (above := folder.parent) != folder:
                found.append(above)
                folder = above
            return tuple(found)

        def with_name(self, name: str) -> Path:
            """Return the path of another name in its folder."""
            if not self.name or not name or "/" in name or name == ".":
                return type(self)(self._whole().with_name(name))
            return self.parent / name

        def is_absolute(self) -> bool:
            """Return whether it begins at the root."""
            return self._text[0] == "/"

        def as_posix(self) -> str:
            """Return it as text."""
            return self._text

        def relative_to(self, other: str | os.PathLike[str]) -> Path:
            """Return the way from another path; ValueError if it is not below that."""
            above = f"{os.fspath(other).rstrip('/')}/"
            if above != "/" and self._text.startswith(above) and f"{_normal(above)}/" == above:
                return type(self)(self._text[len(above) :])
            return type(self)(self._whole().relative_to(other))

        def resolve(self, strict: bool = False) -> Path:
            """Return it without links; OSError if `strict` and it is not there."""
            if not strict:
                return type(self)(self._whole().resolve())  # it tells of circles of links
            return type(self)(os.path.realpath(self._text, strict=True))

        def expanduser(self) -> Path:
            """Return it with the home folder in the place of `~`; RuntimeError if there is none."""
            if not self._text.startswith("~"):
                return self
            found = os.path.expanduser(self._text)
            if found.startswith("~"):
                raise RuntimeError("Could not determine home directory.")
            return type(self)(found)

        def exists(self) -> bool:
            """Return whether something is there, behind links. OSError if that cannot be seen."""
            return self._mode(os.stat) is not None

        def is_dir(self) -> bool:
            """Return whether it is a folder, behind links. OSError if that cannot be seen."""
            mode = self._mode(os.stat)
            return mode is not None and stat.S_ISDIR(mode)

        def is_file(self) -> bool:
            """Return whether it is a regular file, behind links. OSError if that cannot be seen."""
            mode = self._mode(os.stat)
            return mode is not None and stat.S_ISREG(mode)

        def is_symlink(self) -> bool:
            """Return whether it is a link. OSError if that cannot be seen."""
            mode = self._mode(os.lstat)
            return mode is not None and stat.S_ISLNK(mode)

        def _mode(self, look: Any) -> int | None:
            try:
                return look(self._text).st_mode
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
            except ValueError:  # no file can be called so
                pass
            return None

        def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
            """Make the folder."""
            if parents or exist_ok:
                self._whole().mkdir(mode, parents, exist_ok)
            else:
                os.mkdir(self._text, mode)

        def unlink(self, missing_ok: bool = False) -> None:
            """Delete the file."""
            try:
                os.unlink(self._text)
            except FileNotFoundError:
                if not missing_ok:
                    raise

        def read_bytes(self) -> bytes:
            """Return what is in the file."""
            with open(self._text, "rb") as file:
                return file.read()

        def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
            """Return the text of the file."""
            with open(self._text, encoding=encoding, errors=errors) as file:
                return file.read()

        def stat(self) -> os.stat_result:
            """Return what the kernel knows of it, behind links."""
            return os.stat(self._text)

        def lstat(self) -> os.stat_result:
            """Return what the kernel knows of it."""
            return os.lstat(self._text)

    def _made(kind: type[Path], text: str) -> Path:
        """Return the path of a text that is as it should be: very many are made."""
        path = object.__new__(kind)
        path._text = text
        return path

    def _is_plain(name: str) -> bool:
        """Return whether it is one name, or several with nothing between them that means nothing."""
        held = f"/{name}/"
        return "//" not in held and "/./" not in held

    def _normal(text: str) -> str:
        """Return the text without parts that mean nothing: `.` and empty ones."""
        if not ("//" in text or "/." in text or text.endswith("/") or text.startswith(".") or not text):
            return text
        root = text[: len(text) - len(text.lstrip("/"))]
        root = root if len(root) < 3 else "/"
        return root + "/".join(part for part in text.split("/") if part not in {"", "."}) or "."
