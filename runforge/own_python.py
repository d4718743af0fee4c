"""The interpreter of RunForge's own processes: no module of the user's is found in them before ours.

Owns what `sys.path` holds in a command and how a process of RunForge's is started. The user's programs are none of
these: they keep their environment, and with it their own path. Imports nothing that is not loaded already, for what it
guards against is the import of another file of that name.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

#: Takes the starter's path before it imports anything; `sys` is a part of the interpreter.
_BOOT = (
    "import sys; sys.path[:] = sys.argv.pop(1).split('\\n'); "
    "import importlib; importlib.import_module(sys.argv.pop(1)).main()"
)
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_state = {"is_guarded": False, "is_whole": not sys.flags.no_site}


def guard() -> None:
    """Take the working folder and the script's folder off the path, and put what PYTHONPATH names behind all else.

    Python puts a folder first: of `python -m` the working folder, of a script its own. What PYTHONPATH names by a
    relative path, or by none, is the working folder again.
    """
    if _state["is_guarded"]:
        return
    _state["is_guarded"] = True
    if not _state["is_whole"]:
        sys.meta_path.insert(0, _Libraries)
    named = os.environ.get("PYTHONPATH", "") if not sys.flags.ignore_environment else ""
    here = _here()
    script = os.path.dirname(os.path.realpath(sys.argv[0])) if sys.argv else here
    is_safe = getattr(sys.flags, "safe_path", False)
    if sys.path and not is_safe and os.path.realpath(sys.path[0] or here) in {here, script}:
        del sys.path[0]
    for entry in named.split(os.pathsep) if named else []:
        path = os.path.join(here, entry).rstrip(os.sep)
        for known in (entry, path):
            if known in sys.path:
                sys.path.remove(known)
                break
        if os.path.isabs(entry):
            sys.path.append(path)
    if _PACKAGES not in sys.path:
        sys.path.append(_PACKAGES)  # last: it may be the working folder


class _Libraries:
    """Looked through first for each module: the path is made whole before a library is searched for."""

    @staticmethod
    def find_spec(name: str, path: object = None, _target: object = None) -> "Any":
        """Return nothing: others find it."""
        if path is None and name != __package__ and name not in sys.stdlib_module_names:
            complete()


def complete() -> None:
    """Make the path what `site` makes it, in a command that was started without.

    Many commands import no library. The others need not ask for this: the first library that is imported does.
    """
    if not _state["is_whole"]:
        _state.update(is_guarded=False, is_whole=True)
        if _Libraries in sys.meta_path:
            sys.meta_path.remove(_Libraries)
        import site

        site.main()
        guard()


def import_named(name: str) -> "ModuleType":
    """Import a library of which PYTHONPATH may name another copy: that one counts then, wherever else one is.

    For what a site may have to replace. The working folder does not count here either.
    """
    complete()
    import importlib
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [entry for entry in entries if os.path.isabs(entry) and os.path.realpath(entry) != _here()]
    spec = PathFinder.find_spec(name, folders) if name not in sys.modules else None
    if spec is None or spec.loader is None:
        return importlib.import_module(name)
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _here() -> str:
    try:
        return os.path.realpath(os.getcwd())
    except OSError:  # it was deleted
        return ""


def command(module: str, *words: str) -> list[str]:
    """Return the command that runs the `main` of a module with the path of this process.

    Python's own variables count in it as little as the working folder. They stay in the environment, for programs.
    """
    complete()
    options = [f"-Xutf8={sys.flags.utf8_mode}"]
    if "PYTHONHOME" not in os.environ:  # without which it would not find its own library
        options.append("-E")
    if sys.dont_write_bytecode:
        options.append("-B")
    path = "\n".join(os.path.abspath(entry) for entry in sys.path)
    return [sys.executable, *options, "-c", _BOOT, path, module, *words]
