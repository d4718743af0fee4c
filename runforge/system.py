"""`os` for what short commands import: it takes as long to import as all that `groups` needs of RunForge.

Most of that is for abstract base classes, of which it has one, of its environment. So in a process that began without
`site`, and with it without `os`, the name stands for what the interpreter itself has of it. As soon as something else of
it is asked for, or `site` has run, it has all that `os` has. Everywhere else it is `os`.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os as os  # noqa: PLC0414 - others take it from here
    from typing import Any


class _Environment:
    """The environment variables, as texts: what short commands ask of them."""

    __slots__ = ("_raw",)

    def __init__(self, raw: "dict[bytes, bytes]") -> None:
        self._raw = raw

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._raw

    def __getitem__(self, name: str) -> str:
        return _decoded(self._raw[name.encode()])

    def get(self, name: str, default: "str | None" = None) -> "str | None":
        """Return the value of a variable."""
        return self[name] if name in self else default  # noqa: SIM401 - this is it

    def items(self) -> "list[tuple[str, str]]":
        """Return all names with their values."""
        return [(_decoded(name), _decoded(value)) for name, value in self._raw.items()]

    def __getattr__(self, name: str) -> "Any":
        complete()
        return getattr(os.environ, name)

    def __setitem__(self, name: str, value: str) -> None:
        os.putenv(name, value)
        self._raw[name.encode()] = value.encode(sys.getfilesystemencoding(), "surrogateescape")


def _decoded(name: "str | bytes | os.PathLike[Any]") -> str:
    name = os.fspath(name)
    return name if isinstance(name, str) else name.decode(sys.getfilesystemencoding(), "surrogateescape")


def _encoded(name: "str | bytes | os.PathLike[Any]") -> bytes:
    name = os.fspath(name)
    return name.encode(sys.getfilesystemencoding(), "surrogateescape") if isinstance(name, str) else name


def _light() -> "Any":
    import posix

    made = type(sys)("os")
    made.__dict__.update(posix.__dict__)
    made.__dict__.update(
        environ=_Environment(posix.environ),
        sep="/",
        pathsep=":",
        devnull="/dev/null",
        defpath="/bin:/usr/bin",
        fsdecode=_decoded,
        fsencode=_encoded,
        __getattr__=_of_all,
    )
    sys.modules["os"] = made
    try:
        import posixpath  # asks for `os`
    finally:
        del sys.modules["os"]
    made.__dict__["path"] = posixpath
    return made


def _of_all(name: str) -> "Any":
    complete()
    return getattr(os, name)


def complete() -> None:
    """Make the stand-in have all that `os` has."""
    import genericpath
    import os as all_of_it
    import posixpath

    if os is not all_of_it:
        os.__dict__.pop("__getattr__", None)
        os.__dict__.update(all_of_it.__dict__)
        genericpath.os = posixpath.os = all_of_it  # type: ignore[attr-defined]


if not TYPE_CHECKING:
    os = sys.modules.get("os") or _light()
