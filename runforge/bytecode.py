"""What a short command imports, compiled and in one file: Python takes longer to find a module than to run it.

Each of the thirty to eighty modules of a command costs some fifty microseconds of search, whatever is in it. So what a
command needed is written into one file beside the compiled modules (`__pycache__`), with the time and the size of each
source, as Python does for each module alone. If any of them differs, or the file is another interpreter's, the modules
are imported as ever, and the file is made anew when the command has answered. Of Python's own libraries in C it says
where they lie, for to search for the first of them reads a folder.

Imports nothing that is not loaded already, for what it saves are imports.
"""

import gc
import marshal
import os
import sys
from _frozen_importlib import ModuleSpec, module_from_spec
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType

    #: Name, source, the source's time (ns) and size (bytes), whether it is a package, and what is run; None for a
    #: library in C, which is its own source.
    _Entry = tuple[str, str, int, int, bool, CodeType | None]

_PACKAGE, _, _ = __name__.partition(".")
_HERE = os.path.dirname(os.path.abspath(__file__))
_INIT = f"{os.sep}__init__.py"
#: A file of another form, interpreter or place is none.
_KIND = ["runforge modules 2", MAGIC_NUMBER, _HERE]


class Bundle:
    """The modules of one command: loaded together, or written for the next call."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._early = set(sys.modules)
        self._loaded: list[_Entry] = []
        self._needed: list[str] | None = None

    def load(self) -> None:
        """Run the modules in the order in which they were run before; nothing if one of them has changed."""
        gc.disable()  # it would look at all that is new again and again
        entries = _read(self._path)
        if all(map(_is_current, entries)):
            self._loaded = entries
            for entry in entries:
                if entry[0] not in sys.modules and not _run(*entry):
                    break  # whoever needs it imports it, and is told what is wrong
        gc.freeze()  # nor once later: all of it stays
        gc.enable()

    def settle(self) -> None:
        """What is loaded by now is what each call needs."""
        if self._needed is None:
            self._needed = [name for name in sys.modules if name not in self._early and _may_come(name)]

    def write(self) -> None:
        """Write what was needed, if nothing was loaded. A folder that cannot be written is let be.

        A later call may need others too. They are imported then: to load all that any call ever needed takes as long.
        """
        if self._loaded or self._needed is None or sys.dont_write_bytecode:
            return
        entries = [_entry(name) for name in self._needed]
        if None in entries:
            return
        path = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with open(file, "wb") as out:
                    # Who may read the sources may read what was compiled from them.
                    os.fchmod(file, os.stat(__file__).st_mode & 0o644)
                    out.write(marshal.dumps([*_KIND, entries]))
                os.replace(path, self._path)
            except BaseException:
                os.unlink(path)
                raise
        except OSError:
            return


_now: list[Bundle] = []


def load_for(words: list[str]) -> None:
    """Load what the command of this line needed when it was called before, if that is known.

    Not for its help, and not for the screens: their first text comes before what they need.
    """
    if (
        words
        and words[0] != "tui"
        and words[0].replace("-", "").isalnum()
        and words[-1] not in {"-h", "--help"}
    ):
        load(words[0])


def load(command: str) -> None:
    """Load what is needed under this name, a command's or of a part of one."""
    tag = sys.implementation.cache_tag
    if tag and not sys.flags.optimize and not sys.pycache_prefix:
        bundle = Bundle(f"{_HERE}/__pycache__/{command}.{tag}.modules")
        bundle.load()
        _now.append(bundle)


def settle() -> None:
    """Say that what is loaded by now is what each call of this command needs."""
    for bundle in _now:
        bundle.settle()


def write() -> None:
    """Write what this command needs, for the next call, if it is not written."""
    for bundle in _now:
        bundle.write()


def _read(path: str) -> "list[_Entry]":
    try:
        with open(path, "rb", buffering=0) as file:
            *kind, entries = marshal.loads(file.read())  # noqa: S302 - as much ours as the sources beside it
    except (OSError, EOFError, ValueError, TypeError):
        return []
    return entries if kind == _KIND else []


def _is_current(entry: "_Entry") -> bool:
    try:
        now = os.stat(entry[1])
    except OSError:
        return False
    return (now.st_mtime_ns, now.st_size) == entry[2:4]


def _run(name: str, path: str, _time: int, _size: int, is_package: bool, code: "CodeType | None") -> bool:
    """Make a module as an import makes it; return whether it could be run."""
    loader = SourceFileLoader(name, path) if code is not None else ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path, is_package=is_package)
    spec.has_location = True
    try:
        module = sys.modules[name] = type(sys)(name) if code is not None else module_from_spec(spec)
        if code is None:
            loader.exec_module(module)
        else:
            _execute(module, spec, code)
    except Exception:  # noqa: BLE001 - the import that follows meets it too
        sys.modules.pop(name, None)
        return False
    return True


def _execute(module: "ModuleType", spec: ModuleSpec, code: "CodeType") -> None:
    path, values = str(spec.origin), module.__dict__
    values.update(__file__=path, __loader__=spec.loader, __spec__=spec, __package__=spec.parent)
    if spec.submodule_search_locations is not None:
        values["__path__"] = spec.submodule_search_locations = [path[: -len(_INIT)]]
    exec(code, values)  # noqa: S102 - as the import does
    above, _, last = spec.name.rpartition(".")
    if above:
        setattr(sys.modules[above], last, module)


def _may_come(name: str) -> bool:
    """Return whether a module is ours, a library in C of Python's own, or what each of our sources imports first."""
    if name.startswith(f"{_PACKAGE}.") or name == "__future__":
        return True
    loader = getattr(getattr(sys.modules[name], "__spec__", None), "loader", None)
    return type(loader) is ExtensionFileLoader and name in sys.stdlib_module_names


def _entry(name: str) -> "_Entry | None":
    """Return a module as it is written; None if it does not lie in a file, or one of ours not beside this one."""
    spec = sys.modules[name].__spec__
    loader, path = (None, None) if spec is None else (spec.loader, spec.origin)
    if spec is None or path is None or not (path.startswith(_HERE) or name in sys.stdlib_module_names):
        return None
    try:
        now = os.stat(path)  # before it is read
        code = loader.get_code(name) if type(loader) is SourceFileLoader else None
    except (OSError, SyntaxError):
        return None
    if code is None and type(loader) is not ExtensionFileLoader:
        return None
    return name, path, now.st_mtime_ns, now.st_size, spec.submodule_search_locations is not None, code
