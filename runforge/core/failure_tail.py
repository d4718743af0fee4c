"""What the end of a log says of a failure: the line of the last exception, and the place it came from. Pure.

Known are the tracebacks of Python, the panics of Rust and Go, the traces of Java and Node, what the C++ and C
libraries print, and sanitizers; each also behind a prefix such as `[rank0]: `. Of anything else it is the last line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from runforge.core.outcome import Told

_TRACEBACK = "Traceback (most recent call last):"
_PYTHON_FRAME = re.compile(r'File "([^"]+)", line \d+(?:,? in (\S+))?')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?::.*|)")
#: They only tell that another process has failed: its own traceback is above.
_WRAPPERS = ("ChildFailedError",)
#: Advice and last words of libraries behind an exception: what is longer was not the end.
_MOST_ADVICE = 30
#: Lines that tools print after the failure, whatever it was.
_LATER = re.compile(
    r"wandb: |srun: |slurmstepd: |\[RunForge: |\[RF:|note: run with `RUST_BACKTRACE|Set the environment variable "
    r"HYDRA_FULL_ERROR|make(?:\[\d+\])?: \*\*\*|Node\.js v\d|exit status \d|Execution halted|"
    r"Aborted(?: \(core dumped\))?$|(?:Current thread|Extension modules:) "
)


def told(lines: Sequence[str]) -> Told | None:
    """Return what the end of a log says; None if it says nothing."""
    said = [line for line in lines if line.strip() and not _LATER.match(line.strip())]
    if not said:
        return None
    for read in _READERS:
        found = read(said)
        if found is not None:
            return found
    return Told(said[-1].strip())


# --- Python ----------------------------------------------------------------------------------------


def _python(lines: Sequence[str]) -> Told | None:
    starts = [number for number, line in enumerate(lines) if _TRACEBACK in line]
    found = [each for each in (_traceback(lines, start) for start in starts) if each is not None]
    own = [each for each in found if not each[1].line.split(":")[0].endswith(_WRAPPERS)]
    # The last one must be near the end: a program may go on after it has printed one.
    if not found or len(lines) - found[-1][0] > _MOST_ADVICE:
        return None
    return (own or found)[-1][1]


def _traceback(lines: Sequence[str], start: int) -> tuple[int, Told] | None:
    """Return where the exception of a traceback stands, and what it says."""
    before, _, _ = lines[start].partition(_TRACEBACK)
    prefix = re.sub(r"[+ ]*(?:Exception Group )?$", "", before)
    frame = None
    for number in range(start + 1, len(lines)):
        line = re.sub(r"^\s*\| ?", "", lines[number]) if "Group" in before else lines[number]
        line = line.removeprefix(prefix)
        line = line[1:] if prefix and line.startswith(" ") and not line.startswith("  ") else line
        place = _PYTHON_FRAME.search(line)
        if place is not None:
            frame = _frame(place[1], place[2])
        elif _TRACEBACK in line:
            return None
        elif not line.startswith((" ", "\t")) and (frame is not None or _EXCEPTION.fullmatch(line)):
            return (number, Told(line.strip(), frame)) if _EXCEPTION.fullmatch(line.strip()) else None
    return None


def _fatal(lines: Sequence[str]) -> Told | None:
    """Return what Python itself says before it crashes."""
    starts = [number for number, line in enumerate(lines) if line.startswith("Fatal Python error:")]
    if not starts:
        return None
    places = (_PYTHON_FRAME.search(line) for line in lines[starts[-1] :])
    place = next((place for place in places if place is not None), None)
    return Told(lines[starts[-1]].strip(), _frame(place[1], place[2]) if place else None)


def _frame(path: str, function: str | None) -> str:
    name = path.rsplit("/", 1)[-1]
    return f"{name}:{function}" if function else name


# --- others ----------------------------------------------------------------------------------------


def _rust(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"thread '.*' (?:\(\d+\) )?panicked at "))
    if number is None:
        return None
    older = re.search(r"panicked at '(.*)', (\S+?):\d+", lines[number])
    if older is not None:
        return Told(f"panic: {older[1]}", older[2].rsplit("/", 1)[-1])
    place = re.search(r"panicked at (\S+?):\d+", lines[number])
    message = lines[number + 1].strip() if number + 1 < len(lines) else ""
    return Told(f"panic: {message}", place[1].rsplit("/", 1)[-1] if place else None)


def _go(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"(?:panic|fatal error): "))
    if number is None or not any(line.startswith("goroutine ") for line in lines[number:]):
        return None
    after = [line for line in lines[number:] if re.match(r"[\w./]+\(?.*\)$", line)]
    frame = next((line.partition("(")[0] for line in after if not line.startswith("panic(")), None)
    return Told(lines[number].strip(), frame)


def _java(lines: Sequence[str]) -> Told | None:
    """Return the exception of Java or Node: the line above the first `at`, the deepest cause first."""
    places = [n for n, line in enumerate(lines) if re.match(r"\s+at \S", line)]
    if not places or len(lines) - places[-1] > _MOST_ADVICE:
        return None
    heads = [n - 1 for n in places if n and n - 1 not in places]
    if not heads:
        return None
    head = heads[-1]
    line = re.sub(r'^(?:Caused by: |Exception in thread "[^"]*" |Uncaught )', "", lines[head].strip())
    place = re.match(r"\s+at (?:async )?(\S+?)(?:\(| \(|$)", lines[head + 1])
    return Told(line, place[1].rsplit("/", 1)[-1] if place else None)


def _cpp(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"terminate called "))
    if number is None:
        return None
    kind = re.search(r"instance of '(.*)'", lines[number])
    what = next((line.strip() for line in lines[number + 1 :] if line.strip().startswith("what():")), "")
    return Told(f"{kind[1] if kind else 'terminate'}: {what.removeprefix('what():').strip()}")


def _sanitizer(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"(?:==\d+==)?\s*(?:ERROR|WARNING): \w+Sanitizer: "))
    if number is None:
        return None
    place = next((re.search(r"#0 \S+ in (\S+)", line) for line in lines[number:] if "#0 " in line), None)
    words = re.sub(r"^==\d+==\s*", "", lines[number].strip())
    return Told(re.sub(r" at pc .*$", "", words), place[1] if place else None)


def _assertion(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"\S+: \S+:\d+: .*Assertion .* failed\.?$"))
    if number is None:
        return None
    found = re.search(r"(\S+):\d+: (.*): Assertion (.*) failed", lines[number])
    return Told(f"Assertion {found[3]} failed", _frame(found[1], found[2])) if found else None


def _julia(lines: Sequence[str]) -> Told | None:
    number = _last(lines, re.compile(r"Stacktrace:$"))
    heads = [line for line in lines[:number] if line.startswith("ERROR: ")] if number is not None else []
    if number is None or not heads:
        return None
    place = next((m for line in lines[number:] if (m := re.match(r"\s*\[1\] ([^\s(]+)", line))), None)
    return Told(heads[-1].strip(), place[1] if place else None)


def _last(lines: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    """Return the last line that begins so, if it is near the end."""
    found = [number for number, line in enumerate(lines) if pattern.match(line.strip())]
    return found[-1] if found and len(lines) - found[-1] <= _MOST_ADVICE * 2 else None


_READERS: tuple[Callable[[Sequence[str]], Told | None], ...] = (
    _fatal,
    _python,
    _rust,
    _go,
    _sanitizer,
    _assertion,
    _cpp,
    _julia,
    _java,
)
