"""The settings in `.runforge/config.toml` over those in `~/.config/runforge/config.toml`.

What a file says of a setting wins over the other file and over what is built in; an option of the command line wins
over both. A file that others may write is refused, because it names programs that are started. Addresses of notices
stay in these files.
"""

from __future__ import annotations

import stat
import sys

from runforge.amounts import duration, size_mb
from runforge.errors import InvalidRequest, Missing
from runforge.files.durable import read_bounded
from runforge.later import pattern, re
from runforge.named import NamedTuple
from runforge.paths import Path
from runforge.system import os
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runforge.workspace import Workspace

    #: Returns the checked value; ValueError says what is wrong with it.
    _Check = Callable[[Any], Any]

FILE = "config.toml"
#: Events that `[notify] on` may name.
EVENTS = ("group_done", "failed", "breaker", "stall", "disk", "daemon_gone", "done", "started")
#: What `--notify` and `[submit] notify` may say.
WHEN = ("done", "fail", "start", "never")
_USUAL_EVENTS = ["group_done", "failed", "breaker", "stall", "disk", "daemon_gone"]
_LIMIT = 1 << 20
#: What Slurm takes for a time: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS.
SLURM_TIME = pattern(r"[0-9]+|[0-9]+:[0-9]+(?::[0-9]+)?|[0-9]+-[0-9]+(?::[0-9]+){0,2}|UNLIMITED")
#: What cannot be mistaken for an option, or for two words.
_WORD = r"[^\s-]\S*"


class Stall(NamedTuple):
    """How long a run may do nothing, and whether it is killed then."""

    seconds: float
    kills: bool = False


class Value(NamedTuple):
    """A setting in force, and where it comes from."""

    value: Any
    path: Path | None = None
    line: int | None = None

    @property
    def source(self) -> str:
        """The file and the line, or `built in`."""
        if self.path is None:
            return "built in"
        return str(self.path) if self.line is None else f"{self.path}:{self.line}"


class Config:
    """All settings in force, and sentences about what the files say in vain."""

    def __init__(self, values: dict[str, Value], warnings: tuple[str, ...] = ()) -> None:
        self.values = values
        self.warnings = warnings

    def __getitem__(self, name: str) -> Any:
        """Return the value of `section.key`; None if it is not set."""
        return self.values[name].value


# --- what there is ---------------------------------------------------------------------------------


def _whole(low: int, high: int) -> _Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high} is wanted")
        return value

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is wanted")  # noqa: TRY004 - told to a person
    return value


def _typed(parse: Callable[[str, str], object], example: str) -> _Check:
    """Return a check of a text that an option takes too."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"a text such as {example} is wanted")  # noqa: TRY004
        try:
            parse(value, "")
        except InvalidRequest as error:
            raise ValueError(f"{value[:40]!r} is not possible; {error.fix}") from None
        return value

    return check


def _one_of(known: tuple[str, ...]) -> _Check:
    def check(value: Any) -> str:
        if value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise ValueError(f"{value!r:.40} is unknown; known are {', '.join(known)}. {hint}".rstrip(". "))
        return str(value)

    return check


def _texts(value: Any) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) and text.strip() for text in found):
        raise ValueError("a list of texts is wanted")
    return found


def _events(value: Any) -> list[str]:
    return [_one_of(EVENTS)(name) for name in _texts(value)]


def _targets(value: Any) -> list[str]:
    for number, text in enumerate(_texts(value), 1):
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text)
        if scheme is None:  # it may be a secret: it is not repeated
            raise ValueError(f"target {number} is no address; write https://..., cmd:PATH or ntfys://topic")
    return _texts(value)


def _like(pattern: str, example: str) -> _Check:
    """Return a check of a text that has a form."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r:.40} is not possible; a text such as {example} is wanted")
        return value

    return check


def _seconds(least: float, most: float) -> _Check:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"a number of seconds from {least:g} to {most:g} is wanted")
        return float(value)

    return check


def _slurm_time(value: Any) -> str:
    if isinstance(value, str) and SLURM_TIME.fullmatch(value):
        return value
    return str(_LIMIT_OF_TIME(value))


def _pilots(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError('a table such as { count = 4, slots = 4, time = "2:00:00" } is wanted')  # noqa: TRY004
    found = {name: setting.usual for name, setting in _PILOTS.items()}
    for name, given in value.items():
        if name not in _PILOTS:
            hint = did_you_mean(name, [*_PILOTS]) or f"Known are {', '.join(_PILOTS)}"
            raise ValueError(f"{name[:40]!r} is unknown. {hint}")
        try:
            found[name] = _PILOTS[name].check(given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if found["time"] == "UNLIMITED":
        raise ValueError("time: a limit is wanted; a pilot leaves before it")
    if found["count"] is None:
        raise ValueError("count is missing: how many pilots there may be at once")
    return found


def _breaker(value: Any) -> int:
    if value in ("off", False):
        return 0
    return int(_whole(0, 1_000_000)(value))


def _stall(value: Any) -> Stall | None:
    if value in ("off", False):
        return None
    if not isinstance(value, str):
        raise ValueError('a time such as "30m", "10m:kill", or "off" is wanted')  # noqa: TRY004
    text, colon, act = value.partition(":") if value.endswith(":kill") else (value, "", "")
    _typed(lambda typed, name: duration(typed, name, least=1.0), '"30m"')(text)
    return Stall(duration(text, "stall"), kills=bool(colon and act))


def _ended_jobs(value: Any) -> int | str:
    if value == "all":
        return "all"
    return int(_whole(1, 1_000_000_000)(value))


class _Setting(NamedTuple):
    check: _Check
    usual: Any = None


_LIMIT_OF_TIME = _typed(lambda text, name: duration(text, name, least=1e-3), '"12h"')
_MEMORY = _like(r"[0-9]+[KMGTkmgt]?", '"16G"')
_PILOTS: dict[str, _Setting] = {
    "count": _Setting(_whole(1, 1000)),
    "slots": _Setting(_whole(1, 256), usual=4),
    "time": _Setting(_slurm_time, usual="1:00:00"),
    "idle": _Setting(_seconds(1.0, 86400.0), usual=60.0),
    "cpus": _Setting(_whole(1, 65536)),
    "mem": _Setting(_MEMORY),
}
SETTINGS: dict[str, _Setting] = {
    "submit.gpus": _Setting(_whole(0, 1024)),
    "submit.cpus": _Setting(_whole(1, 65536)),
    "submit.mem": _Setting(_typed(size_mb, '"10G"')),
    "submit.time": _Setting(_LIMIT_OF_TIME),
    "submit.grace": _Setting(_typed(duration, '"60s"')),
    "submit.retry": _Setting(_texts),
    "submit.backoff": _Setting(_typed(duration, '"30s"')),
    "submit.max_parallel": _Setting(_whole(1, 1_000_000)),
    "submit.notify": _Setting(_one_of(WHEN)),
    "submit.snapshot": _Setting(_flag, usual=False),
    "notify.to": _Setting(_targets, usual=[]),
    "notify.on": _Setting(_events, usual=_USUAL_EVENTS),
    "daemon.backend": _Setting(_one_of(("local", "slurm")), usual="local"),
    "slurm.partition": _Setting(_like(_WORD, '"gpu"')),
    "slurm.account": _Setting(_like(_WORD, '"lab"')),
    "slurm.qos": _Setting(_like(_WORD, '"normal"')),
    "slurm.constraint": _Setting(_like(_WORD, '"a100|h100"')),
    "slurm.exclude": _Setting(_like(_WORD, '"node[3-5]"')),
    "slurm.time": _Setting(_slurm_time),
    "slurm.mem": _Setting(_MEMORY),
    "slurm.cpus": _Setting(_whole(1, 65536)),
    "slurm.gpu": _Setting(
        _like(r"[A-Za-z][\w-]*(?::[A-Za-z][\w.-]*)?|-\S*\{count\}\S*", '"gpu:a100"'), usual="gpu"
    ),
    "slurm.setup": _Setting(_texts, usual=[]),
    "slurm.python": _Setting(_like(r"\S.*", '"/shared/venv/bin/python"')),
    "slurm.export": _Setting(_like(_WORD, '"NONE"')),
    "slurm.extra": _Setting(_texts, usual=[]),
    "slurm.ahead": _Setting(_whole(1, 10_000), usual=8),
    "slurm.poll_seconds": _Setting(_seconds(5.0, 3600.0), usual=30.0),
    "slurm.fence_seconds": _Setting(_seconds(1.0, 86400.0), usual=30.0),
    "slurm.pilots": _Setting(_pilots),
    "guard.breaker": _Setting(_breaker, usual=5),
    "guard.stall": _Setting(_stall, usual=Stall(1800.0)),
    "exports.ended_jobs": _Setting(_ended_jobs, usual=20_000),
}
_SECTIONS = tuple(dict.fromkeys(name.partition(".")[0] for name in SETTINGS))


# --- reading ---------------------------------------------------------------------------------------


def paths(workspace: Workspace) -> list[Path]:
    """Return where the files would be; the stronger one last."""
    return [*_of_user(), workspace.hidden / FILE]


def _of_user() -> list[Path]:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        folder = Path(given) if given.startswith("/") else Path.home() / ".config"
    except RuntimeError:  # no home
        return []
    return [folder / "runforge" / FILE]


def load(workspace: Workspace) -> Config:
    """Return the settings in force.

    Missing if others may write one of the files; InvalidRequest for what is no TOML, and for a wrong value.
    """
    values = {name: Value(setting.usual) for name, setting in SETTINGS.items()}
    warnings: list[str] = []
    for path in paths(workspace):
        text = _text(path, may_be_link=path.parent != workspace.hidden)
        if text is not None:
            _add(values, warnings, path, text)
    return Config(values, tuple(warnings))


def stamps(workspace: Workspace) -> tuple[tuple[int, int, int] | None, ...]:
    """Return a value that changes when one of the files does."""
    return tuple(map(_stamp, paths(workspace)))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size


def _text(path: Path, *, may_be_link: bool) -> str | None:
    """Return a file's text; None if there is none. Refuse a file that others may write, or their folder."""
    if not os.path.lexists(path):
        return None
    try:
        real = Path(os.path.realpath(path)) if may_be_link else path
        data = read_bounded(real, _LIMIT)
        for each in (real, real.parent):
            _require_own(each, os.lstat(each))
    except OSError as error:
        raise Missing(f"it cannot be read: {error.strerror or error}", where=str(path)) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("it is not UTF-8", where=str(path), fix="Write it in UTF-8") from None


def _require_own(path: Path, info: os.stat_result) -> None:
    if info.st_uid not in {os.geteuid(), 0}:
        raise Missing(
            "it belongs to another user, and it names programs that are started",
            where=str(path),
            fix=f"Look at it, then `chown` it, or remove it; its owner is uid {info.st_uid}",
        )
    if info.st_mode & 0o022 and not (stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX):
        raise Missing(
            "other users may write it, and it names programs that are started",
            where=str(path),
            fix=f"Look at what is in it, then run `chmod go-w {path}`",
        )


def _parse(path: Path, text: str) -> dict[str, Any]:
    import importlib

    toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        found: dict[str, Any] = toml.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"it is not TOML: {error}", where=str(path)) from None
    return found


def _add(values: dict[str, Value], warnings: list[str], path: Path, text: str) -> None:
    """Put what a file says over the values."""
    for section, found in _parse(path, text).items():
        if section not in _SECTIONS or not isinstance(found, dict):
            hint = did_you_mean(section, [*_SECTIONS, *(name.partition(".")[2] for name in SETTINGS)])
            what = "section" if isinstance(found, dict) else "setting outside of a section"
            warnings.append(f"{path}: unknown {what} {section[:60]!r}. {hint}".rstrip(". "))
            continue
        for key, value in found.items():
            name = f"{section}.{key.replace('-', '_')}"
            line = _line(text, section, key)
            where = Value(None, path, line).source
            if name not in SETTINGS:
                known = [name.partition(".")[2] for name in SETTINGS if name.startswith(f"{section}.")]
                hint = did_you_mean(key, known) or f"Known are {', '.join(known)}"
                warnings.append(f"{where}: unknown setting {key[:60]!r} in [{section}]. {hint}")
                continue
            try:
                values[name] = Value(SETTINGS[name].check(value), path, line)
            except ValueError as error:
                raise InvalidRequest(f"[{section}] {key}: {error}", where=where) from None


def _line(text: str, section: str, key: str) -> int | None:
    """Return the line of a setting, if it is written in the plain way."""
    head, name = re.escape(section), re.escape(key)
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        title = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if title is not None:
            current = title[1].strip("\"'")
        is_plain = current == section and re.match(rf"\s*[\"']?{name}[\"']?\s*=", line)
        if is_plain or re.match(rf"\s*{head}\s*\.\s*{name}\s*=", line):
            return number
    return None
