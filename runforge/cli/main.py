"""The `runforge` program: finds the command, and turns errors into one line and an exit code.

Only the module of the given command is imported, so that `queue-status` is quick. The table of commands says
which commands can end at once, without the interpreter's normal end. Help is text that was made before.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from runforge import __version__, bytecode, own_python
from runforge.cli import quick

TYPE_CHECKING = False  # `typing` alone would double the time of `--version`
if TYPE_CHECKING:
    from typing import NoReturn

_VERSION = ["--version"]
_SCREENS = ["tui"]
_HELP = ("-h", "--help")
_INTERRUPTED = 130
_CANCELED = 5
_INTERNAL = 4
_USAGE = 2
#: The variable by which the shell asks for completion.
_COMPLETE = "_RUNFORGE_COMPLETE"
#: A short command makes less garbage than this, so no collection runs; one that stays (--watch) may make
#: more.
_GARBAGE = 100_000


def main() -> NoReturn:
    """Run the command line and exit."""
    own_python.guard()
    _replace_closed_streams()
    arguments = sys.argv[1:]
    try:
        made = _made(arguments)
        ends_at_once = made is not None or _ends_at_once(arguments)
        if made is not None:
            sys.stdout.write(made)
            code = 0
        else:
            if ends_at_once:
                gc.set_threshold(_GARBAGE)
            code = _run(arguments)
        sys.stdout.flush()
        bytecode.write()
        if ends_at_once:
            sys.stderr.flush()
            os._exit(code)
    except BrokenPipeError:
        _give_up_stdout()
        code = 0
    except OSError as error:
        _give_up_stdout()
        code = _fail(f"standard output: {error.strerror}", 1)
    sys.exit(code)


def _made(arguments: list[str]) -> str | None:
    """Return what can be said without the parser and without a command: version, help, what may be typed next."""
    if arguments == _VERSION:
        return f"runforge {__version__}\n"
    if os.environ.get(_COMPLETE) == "complete_bash":
        bytecode.load("complete")
        from runforge.cli import completion

        bytecode.settle()
        found = completion.for_bash()
        return None if found is None else "\n".join(found) + "\n"
    if arguments and arguments[-1] in _HELP and _COMPLETE not in os.environ:
        from runforge.cli import made_help

        return made_help.text(arguments)
    return None


def _ends_at_once(arguments: list[str]) -> bool:
    """Return whether the process can end at once after a call; the table of commands knows it."""
    if not arguments:
        return _COMPLETE in os.environ  # otherwise these are the screens, or the help
    if arguments[0] in quick.ANSWERED:
        return True
    from runforge.cli import known

    return known.ends_at_once(arguments[0])


def _run(arguments: list[str]) -> int:  # noqa: PLR0911 - one way out for each kind of end
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding cannot show is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if arguments and quick.answer(arguments):
            bytecode.settle()
            return 0
        from runforge.cli import fast_path

        done = _screens(arguments) if arguments[:1] in ([], _SCREENS) else fast_path.run(arguments)
        if done is not None:
            return done
        from runforge.cli.program import program

        words = arguments or ["--help"]
        code = program().main(args=words, prog_name="runforge", standalone_mode=False)
        if code == _INTERRUPTED:
            return _CANCELED
        return int(code or 0) if arguments else _USAGE
    except KeyboardInterrupt:
        return _CANCELED
    except (BrokenPipeError, SystemExit):  # the parser itself ends when the pipe is closed
        _give_up_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _explain(error)


def _screens(arguments: list[str]) -> int | None:
    """Open the terminal UI by a plain call, and return its exit code; None if it is not plain, or not meant."""
    from runforge.cli import fast_path
    from runforge.cli.first_text import FIRST

    try:
        FIRST.show(arguments[1:])
        return fast_path.run(arguments or _screens_if_possible())
    finally:
        FIRST.take_back()


def _screens_if_possible() -> list[str]:
    """Return the command for `runforge` without words: the terminal UI, on a terminal in a workspace."""
    if not all(os.isatty(stream) for stream in (0, 1, 2)) or os.environ.get("TERM", "dumb") == "dumb":
        return []
    from runforge import workspace
    from runforge.errors import Missing

    try:
        workspace.find(None)
    except Missing:
        return []
    return _SCREENS


def _explain(error: Exception) -> int:
    """Print what went wrong: our own errors and the parser's in their words, any other error as RunForge's fault."""
    from runforge.errors import RunForgeError, explained

    if isinstance(error, RunForgeError):
        return _fail(str(error), error.exit_code)
    message = getattr(error, "format_message", None)
    if message is not None:
        command = getattr(getattr(error, "ctx", None), "command_path", "runforge")
        text = message()
        stop = "" if text.endswith((".", "?", "!")) else "."
        return _fail(f"{text}{stop} See `{command} --help`", _USAGE)
    if type(error).__name__ == "Abort":  # the input ended at the question
        return _CANCELED
    if os.environ.get("RUNFORGE_DEBUG"):
        import traceback

        traceback.print_exc()
    if isinstance(error, (OSError, MemoryError)):
        return _fail(explained(error), 1)
    return _fail(f"{explained(error)}. RUNFORGE_DEBUG=1 shows where", _INTERNAL)


def _fail(message: str, code: int) -> int:
    from runforge.text import safe

    print(f"ERROR: {safe(message)}", file=sys.stderr)
    return code


def _replace_closed_streams() -> None:
    """Open /dev/null for streams that the caller has closed (`>&-`), so that no file gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            setattr(sys, name, open(descriptor, "r+" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _give_up_stdout() -> None:
    """Replace the closed pipe, so that nothing writes into it again, not even the interpreter at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
