"""What a short command imports, compiled and in one file: Python takes longer to find a module than to run it.

Each of the thirty to eighty modules of a command costs some fifty microseconds of search, whatever is in it. So what a
command needed is written into one file beside the compiled modules (`__pycache__`), with the time and the size of each
source, as Python does for each module alone. If any of them differs, or the file is another interpreter's, the modules
are imported as ever, and the file is made anew when the command has answered. The statements that it has run come with
them (`texts`), for to read them takes longer than to run them.

Imports nothing that is not loaded already, for what it saves are imports: not even `__future__`, which lies in the
file too, for all others import it.
"""

import gc
import marshal
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader

from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    #: Name, source, the source's time (ns) and size (bytes), whether it is a package, and what is run.
    _Entry = tuple[str, str, int, int, bool, CodeType]
    #: The file that it is from, that one's time (ns) and size (bytes) before it was read, and the text.
    _Text = tuple[str, int, int, str]

_PACKAGE, _, _ = __name__.partition(".")
_HERE = os.path.dirname(os.path.abspath(__file__))
#: The one module of Python's own that is taken: each of ours asks for it.
_FUTURE = "__future__"
_INIT = f"{os.sep}__init__.py"
#: A file of another form, interpreter or place is none.
_KIND = ["runforge modules 2", MAGIC_NUMBER, _HERE]
#: Texts that were read from files beside the modules, by name. Whoever reads one keeps it here.
texts: "dict[str, _Text]" = {}


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
        try:
            self._load()
        finally:
            gc.enable()

    def _load(self) -> None:
        entries, known = _read(self._path)
        sources = {entry[1:4] for entry in entries} | {text[:3] for text in known.values()}
        if not all(map(_is_current, sources)):
            return
        texts.update(known)
        self._loaded = entries
        for entry in entries:
            if entry[0] not in sys.modules and not _run(*entry):
                break  # whoever needs it imports it, and is told what is wrong
        gc.freeze()  # all of it stays: it need not be looked at later either

    def settle(self) -> None:
        """What is loaded by now is what each call needs."""
        if self._needed is None and not self._loaded:
            self._needed = [name for name in sys.modules if name not in self._early and _is_taken(name)]

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
                    out.write(marshal.dumps([*_KIND, entries, texts]))
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


def _read(path: str) -> "tuple[list[_Entry], dict[str, _Text]]":
    try:
        with open(path, "rb", buffering=0) as file:
            *kind, entries, known = marshal.loads(file.read())  # noqa: S302 - as much ours as the sources beside it
    except (OSError, EOFError, ValueError, TypeError):
        return [], {}
    return (entries, known) if kind == _KIND else ([], {})


def _is_current(source: "tuple[str, int, int]") -> bool:
    path, time, size = source
    try:
        now = os.stat(path)
    except OSError:
        return False
    return (now.st_mtime_ns, now.st_size) == (time, size)


def _run(name: str, path: str, _time: int, _size: int, is_package: bool, code: "CodeType") -> bool:
    """Make a module as an import makes it; return whether it could be run."""
    loader = SourceFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path, is_package=is_package)
    spec.has_location = True
    module = type(sys)(name)
    above, _, last = name.rpartition(".")
    values = module.__dict__
    values.update(__file__=path, __loader__=loader, __spec__=spec, __package__=name if is_package else above)
    if is_package:
        values["__path__"] = spec.submodule_search_locations = [path[: -len(_INIT)]]
    sys.modules[name] = module
    try:
        exec(code, values)  # noqa: S102 - as the import does
    except Exception:  # noqa: BLE001 - the import that follows meets it too
        del sys.modules[name]
        return False
    if above:
        setattr(sys.modules[above], last, module)
    return True


def _is_taken(name: str) -> bool:
    return name.startswith(f"{_PACKAGE}.") or (
        name == _FUTURE and type(sys.modules[name].__spec__.loader) is SourceFileLoader  # type: ignore[union-attr]
    )


def _entry(name: str) -> "_Entry | None":
    """Return a module as it is written; None if it does not lie in a file beside this one."""
    module = sys.modules[name]
    spec = module.__spec__
    loader, path = (None, None) if spec is None else (spec.loader, spec.origin)
    if (
        spec is None
        or path is None
        or type(loader) is not SourceFileLoader
        or not (path.startswith(_HERE) or name == _FUTURE)
    ):
        return None
    try:
        now = os.stat(path)  # before it is read
        code = loader.get_code(name)
    except (OSError, SyntaxError):
        return None
    if code is None:
        return None
    return name, path, now.st_mtime_ns, now.st_size, spec.submodule_search_locations is not None, code
