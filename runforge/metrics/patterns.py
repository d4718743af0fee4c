"""Metrics in what well-known tools print, for scripts that nobody changed. Reads the run's log.

Known are the lines of Hugging Face's Trainer, XGBoost, LightGBM, CatBoost and Keras. A plain `loss: 0.41`, alone
on its line, or `loss=0.41 acc=0.9` within an epoch or beside a `step=7`, counts only for a run that reports nothing else. `printed` reads RunForge's own tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runforge.metrics.points import Point, name_of, step_of, value_of

#: What begins a person's pattern in the `metrics` of a request, and what stands there for no metrics at all.
PATTERN, NONE = "re:", "none"
_NUMBER = rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?))"
_EQUAL = rb"[A-Za-z_][\w./%@-]{0,63}=" + _NUMBER
#: A longer line is not looked at.
_LINE_LIMIT = 4 * 1024
#: How many names plain lines may bring.
_MOST_PLAIN = 64
_COLOURS = re.compile(rb"\x1b\[[0-9;:?]*[A-Za-z]")
#: What begins a line anew on a terminal.
_REDRAWN = re.compile(rb"\r+|\x08+")
#: What one line of a tool looks like. A dictionary may stand behind a progress bar, the others may not.
_LINE = re.compile(
    rb"(?P<dict>\{'[^{}\r\n]{1,4000}\})[ \t]*$"
    rb"|^[ \t]*(?:\[(?P<round>\d{1,9})\][ \t]+(?P<evals>[^\r\n:]+:[^\r\n]+)"
    rb"|(?P<iteration>\d{1,9}):[ \t]+(?P<sides>(?:learn|test\d*|best):[^\r\n]+)"
    rb"|(?P<done>\d{1,9})/(?P<of>\d{1,9})[ \t][^\r\n]{0,400}?(?P<keras>- [A-Za-z_][^\r\n:]{0,60}: [^\r\n]+)"
    rb"|(?:[Ee]poch[ :]+\[?(?P<in_epoch>\d{1,9})(?:/\d{1,9})?\]?[ \t,:;|-]{1,4})?"
    rb"(?P<pairs>" + _EQUAL + rb"(?:[ \t,;|]{1,4}" + _EQUAL + rb"){0,30})"
    rb"|[Ee]poch[ :]+\[?(?P<epoch>\d{1,9})(?:/\d{1,9})\]?"
    rb"|(?P<key>[A-Za-z_][\w./%@-]{0,63}):[ \t]+(?P<value>" + _NUMBER + rb")"
    rb"(?:[ \t]+\(step[ \t]+(?P<step>" + _NUMBER + rb")\))?)[ \t]*$",
    re.MULTILINE,
)
_PAIR = re.compile(rb"'([^'\\]{1,256})': '?(" + _NUMBER + rb")'?(?=[,}])")
#: XGBoost: `train-rmse:0.51`; with standard deviations after `+`. LightGBM: `valid_1's l2: 0.25`.
_EVAL = re.compile(rb"([^\t:]{1,256}):[ ]?(" + _NUMBER + rb")(?:[ ]?\+[ ]?[^\t]*)?(?=\t|$)")
_SIDE = re.compile(rb"(?:^|\t[ \t]*)(learn|test\d*|best):[ \t]+(" + _NUMBER + rb")")
_SCORE = re.compile(rb"- ([A-Za-z_][^:\r\n]{0,60}): (" + _NUMBER + rb")(?= - |$|[ \t]*$)")
_EQUAL_PAIR = re.compile(_EQUAL)
_STEPS = (b"step", b"global_step", b"epoch", b"iteration", b"iter")


class _OfLog:
    """What readers of a log share. A carriage return ends a line too."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_torn = False
        #: Names that only plain lines gave.
        self.plain: set[str] = set()

    def finish(self) -> list[Point]:
        """Return nothing: RunForge ends each log with a line of its own."""
        return []

    def gap(self) -> None:
        """Expect bytes of a later place, which may begin within a line."""
        self._rest, self._is_torn = b"", True

    def sentences(self) -> list[str]:
        """Return nothing: most lines of a log are no metrics."""
        return []


class LogReader(_OfLog):
    """Reads a log in any pieces."""

    def __init__(self) -> None:
        super().__init__()
        self._step: float | None = None
        self._known: set[str] = set()

    def feed(self, data: bytes) -> list[Point]:
        """Return the metrics of the lines that are complete now."""
        text = _REDRAWN.sub(b"\n", self._rest + data)
        if self._is_torn:
            cut = text.find(b"\n") + 1
            text, self._is_torn = text[cut:] if cut else b"", not cut
        end = text.rfind(b"\n") + 1
        self._rest = text[end:][: _LINE_LIMIT + 1]
        return self._read(text[:end])

    def _read(self, text: bytes) -> list[Point]:
        if b"\x1b" in text:
            text = _COLOURS.sub(b"", text)
        found: list[Point] = []
        for match in _LINE.finditer(text):
            found += self._points(match)
        return found

    def _points(self, match: re.Match[bytes]) -> list[Point]:
        given = match.groupdict()
        if given["key"]:
            return self._plain(given["key"], given["value"], given["step"])
        if given["pairs"]:
            return self._in_epoch(given["pairs"], given["in_epoch"])
        if given["epoch"]:
            self._step = float(given["epoch"])
            return []
        pairs, step = _of_tool(given)
        if given["keras"]:
            step = self._step
        points = [_point(name, value, step) for name, value in pairs]
        found = [point for point in points if point is not None]
        self._known.update(point.name for point in found)
        self.plain -= self._known
        return found

    def _in_epoch(self, pairs: bytes, epoch: bytes | None) -> list[Point]:
        """Return the `name=value` of a line within an epoch, or with a step; those before the first are settings."""
        found = [pair.group().split(b"=") for pair in _EQUAL_PAIR.finditer(pairs)]
        steps = [float(value) for name, value in found if name.lower() in _STEPS]
        if steps and step_of(steps[0]) is not None:
            self._step = step_of(steps[0])
        elif epoch is not None:
            self._step = float(epoch)
        if self._step is None:
            return []
        others = ((name, value) for name, value in found if name.lower() not in _STEPS)
        return [point for name, value in others for point in self._plain(name, value, None)]

    def _plain(self, key: bytes, value: bytes, step: bytes | None) -> list[Point]:
        if key.lower() in _STEPS:
            self._step = step_of(float(value))
            return []
        point = _point(key, value, self._step if step is None else step_of(float(step)))
        if point is None or (point.name not in self.plain and len(self.plain) >= _MOST_PLAIN):
            return []
        if point.name not in self._known:
            self.plain.add(point.name)
        return [point]


def _of_tool(given: dict[str, bytes | None]) -> tuple[list[tuple[bytes, bytes]], float | None]:
    """Return the (name, value) pairs of a tool's line, and the step if the line has one."""
    if given["dict"]:
        pairs = _PAIR.findall(given["dict"])
        steps = {name: value for name, value in pairs if name in _STEPS}
        if not steps:  # some other dictionary
            return [], None
        step = next(steps[name] for name in _STEPS if name in steps)
        return [(name, value) for name, value in pairs if name not in _STEPS], step_of(float(step))
    if given["evals"]:
        return _EVAL.findall(given["evals"]), float(given["round"] or 0)
    if given["sides"]:
        return _SIDE.findall(given["sides"]), float(given["iteration"] or 0)
    # A bar that is not full shows an epoch that is not over.
    return (_SCORE.findall(given["keras"] or b"") if given["done"] == given["of"] else []), None


def _point(name: bytes, value: bytes, step: float | None) -> Point | None:
    known, number = name_of(name.decode("utf-8", "replace")), value_of(float(value))
    return None if known is None or number is None else Point(known, step, number)


class PatternReader(_OfLog):
    """Reads a log with a person's own pattern: groups `value`, and perhaps `name` and `step`."""

    #: A longer line is not looked at: a pattern may take very long.
    _LIMIT = 1000

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = compiled(pattern)

    def feed(self, data: bytes) -> list[Point]:
        """Return the metrics of the lines that are complete now."""
        *lines, rest = _REDRAWN.sub(b"\n", self._rest + data).split(b"\n")
        self._rest = rest[: self._LIMIT + 1]
        if lines and self._is_torn:
            del lines[0]
            self._is_torn = False
        return [point for line in lines for point in self._points(line)]

    def _points(self, line: bytes) -> Iterator[Point]:
        if len(line) > self._LIMIT:
            return
        text = _COLOURS.sub(b"", line).decode("utf-8", "replace")
        for match in self._pattern.finditer(text):
            given = match.groupdict()
            value, step = _as_number(given.get("value")), _as_number(given.get("step"))
            name = name_of(given.get("name") or "value")
            if value is not None and name is not None:
                yield Point(name, step_of(step), value)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a person's pattern. Raises ValueError, which says what is wrong with it."""
    try:
        found = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"it is not a regular expression: {error}") from None
    if "value" not in found.groupindex:
        raise ValueError("it has no group (?P<value>...)")
    return found


def _as_number(text: str | None) -> float | None:
    try:
        return None if text is None else value_of(float(text))
    except ValueError:
        return None
