"""The `runforge` program: finds the command, maps errors to one line and an exit code.

Only the module of the command that was asked for is imported, so that `queue-status` stays light.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from runforge import __version__

TYPE_CHECKING = False  # `typing` alone would double the time that `--version` takes
if TYPE_CHECKING:
    from typing import NoReturn

#: command -> (module below runforge.cli, function, section of the help)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("setup", "init", "Start"),
    "demo": ("setup", "demo", "Start"),
    "enqueue-sweep": ("queue", "enqueue_sweep", "Queue"),
    "enqueue-run": ("queue", "enqueue_run", "Queue"),
    "pause-group": ("queue", "pause_group", "Queue"),
    "resume-group": ("queue", "resume_group", "Queue"),
    "retry-failed": ("queue", "retry_failed", "Queue"),
    "cancel-group": ("queue", "cancel_group", "Queue"),
    "cancel-run": ("queue", "cancel_run", "Queue"),
    "retry-run": ("queue", "retry_run", "Queue"),
    "set-priority": ("queue", "set_priority", "Queue"),
    "prune": ("queue", "prune", "Queue"),
    "tui": ("tui", "tui", "Look"),
    "queue-status": ("show", "queue_status", "Look"),
    "groups": ("show", "groups", "Look"),
    "jobs": ("show", "jobs", "Look"),
    "show": ("show", "show", "Look"),
    "logs": ("follow", "logs", "Look"),
    "wait": ("follow", "wait", "Look"),
    "run": ("direct", "run", "Without the queue"),
    "sweep": ("direct", "sweep", "Without the queue"),
    "daemon": ("daemon", "daemon", "Daemon"),
    "stop-daemon": ("daemon", "stop_daemon", "Daemon"),
    "doctor": ("doctor", "doctor", "Daemon"),
    "backup": ("doctor", "backup", "Daemon"),
    "drill": ("drill", "drill", "Daemon"),
}
_INTERRUPTED = 130
_CANCELED = 5
_INTERNAL = 4
_USAGE = 2


def main() -> NoReturn:
    """Run the command line and exit."""
    _replace_closed_streams()
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            print(f"runforge {__version__}")
            code = 0
        elif os.environ.get("_RUNFORGE_COMPLETE") == "complete_bash" and _complete():
            code = 0
        else:
            code = _run(arguments)
        sys.stdout.flush()
        if not {"typer", "textual"} & sys.modules.keys():
            sys.stderr.flush()
            os._exit(code)  # nothing is open: taking the interpreter apart takes a seventh of the call
    except BrokenPipeError:
        _give_up_stdout()
        code = 0
    except OSError as error:
        _give_up_stdout()
        code = _fail(f"standard output: {error.strerror}", 1)
    sys.exit(code)


def _complete() -> bool:
    """Answer bash without the parser; False leaves it to that."""
    from runforge.cli import completion

    found = completion.for_bash(list(COMMANDS))
    if found is not None:
        print("\n".join(found))
    return found is not None


def _run(arguments: list[str]) -> int:  # noqa: PLR0911 - one way out for each kind of end
    from runforge.errors import RunForgeError
    from runforge.permissions import become_private

    become_private()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding does not have is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        plain = _plain(arguments or _screens_if_possible())
        if plain is not None:
            return plain
        from runforge.cli.program import program

        words = arguments or ["--help"]
        code = program().main(args=words, prog_name="runforge", standalone_mode=False)
        if code == _INTERRUPTED:
            return _CANCELED
        return int(code or 0) if arguments else _USAGE
    except RunForgeError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _CANCELED
    except (BrokenPipeError, SystemExit):  # the parser leaves by itself when the pipe is closed
        _give_up_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _explain(error)


def _screens_if_possible() -> list[str]:
    """Return the command that `runforge` alone means: the terminal UI, on a terminal inside a workspace."""
    if not all(os.isatty(stream) for stream in (0, 1, 2)) or os.environ.get("TERM", "dumb") == "dumb":
        return []
    from runforge import workspace
    from runforge.errors import Missing

    try:
        workspace.find(None)
    except Missing:
        return []
    return ["tui"]


#: Calls that are made all day, with those of their options that need no parser: a word, or a word and a value.
_PLAIN: dict[str, set[str]] = {
    "queue-status": {"--json"},
    "groups": {"--json"},
    "jobs": {"--json", "--group", "--state"},
    "show": {"--json", "RUN"},
    "tui": set(),
}


def _plain(arguments: list[str]) -> int | None:
    """Run a plain call without the parser, which takes longer than the call; None leaves it to the parser."""
    command, *rest = arguments or [""]
    if command not in _PLAIN:
        return None
    if command != "tui":
        gc.disable()  # a short life makes no garbage worth looking for
    values: dict[str, str] = {}
    while rest:
        word = {"-w": "--workspace", "-g": "--group"}.get(rest[0], rest[0])
        rest = rest[1:]
        if not word.startswith("-") and "RUN" in _PLAIN[command] and "RUN" not in values:
            values["RUN"] = word
        elif word == "--json" and word in _PLAIN[command]:
            values[word] = word
        elif word == "--workspace" or (word in _PLAIN[command] and word != "RUN"):
            if not rest or rest[0].startswith("-"):
                return None
            values[word], *rest = rest
        else:
            return None
    if "RUN" in _PLAIN[command] and "RUN" not in values:
        return None
    return _run_plain(command, values)


def _run_plain(command: str, values: dict[str, str]) -> int:
    from pathlib import Path

    from runforge import workspace

    folder = values.get("--workspace")
    here = workspace.find(Path(folder) if folder is not None else None)
    as_json = "--json" in values
    if command == "tui":
        from runforge.cli.screens import open_screens

        return open_screens(here)
    if command == "queue-status":
        from runforge.cli import status

        status.show(here, as_json=as_json)
        return 0
    from runforge.cli import listing

    if command == "groups":
        return listing.groups(here, as_json=as_json)
    if command == "show":
        return listing.run(here, values["RUN"], as_json=as_json)
    return listing.jobs(here, group=values.get("--group"), state=values.get("--state"), as_json=as_json)


def _explain(error: Exception) -> int:
    """Tell a usage error in the parser's own words, anything else as RunForge's fault."""
    message = getattr(error, "format_message", None)
    if message is not None:
        command = getattr(getattr(error, "ctx", None), "command_path", "runforge")
        text = message()
        stop = "" if text.endswith((".", "?", "!")) else "."
        return _fail(f"{text}{stop} See `{command} --help`", _USAGE)
    if type(error).__name__ == "Abort":  # the question was answered by the end of input
        return _CANCELED
    if os.environ.get("RUNFORGE_DEBUG"):
        import traceback

        traceback.print_exc()
    from runforge.errors import explained

    if isinstance(error, (OSError, MemoryError)):
        return _fail(explained(error), 1)
    return _fail(f"{explained(error)}. RUNFORGE_DEBUG=1 shows where", _INTERNAL)


def _fail(message: str, code: int) -> int:
    from runforge.text import safe

    print(f"ERROR: {safe(message)}", file=sys.stderr)
    return code


def _replace_closed_streams() -> None:
    """Put /dev/null in the place of streams that the caller has closed (`>&-`): no file may get their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            setattr(sys, name, open(descriptor, "r+" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _give_up_stdout() -> None:
    """Let nobody write into the closed pipe again, the interpreter's own exit included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
