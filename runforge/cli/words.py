"""Reads the words of a plain call with the table of commands, without the option parser.

Plain means: each word is an option of the command, its value, or an argument. Everything else (`-wX`,
`--limit=3`, `--`, help, one word too many) goes to the parser, which explains what is wrong. A command with an
argument for the rest takes all words after `--`, or from the first argument on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.cli.parameter import Command, Parameter

    Value = str | float | bool | list[str] | None


class Reading:
    """The values from the words of one command, as far as they are read."""

    __slots__ = ("_given", "_rest", "awaiting", "command", "values")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.values: dict[str, Value] = {}  #: by the parameter's name; a file or a folder is still a text
        self.awaiting: Parameter | None = None  #: the option whose value comes next
        self._given: list[str] = []  #: the words without an option
        self._rest: list[str] | None = None  #: once it has begun

    @property
    def argument(self) -> Parameter | None:
        """The argument that comes next; one that takes several words may always take another."""
        for number, parameter in enumerate(self.command.arguments):
            if parameter.takes_several or number == len(self._given):
                return parameter
        return None

    @property
    def is_in_rest(self) -> bool:
        """Whether the next word belongs to the rest, whatever it looks like."""
        return self._rest is not None

    def take(self, word: str) -> bool:
        """Take the next word; False if it is not plain."""
        if self._rest is not None:
            self._rest.append(word)
            return True
        waiting, self.awaiting = self.awaiting, None
        if word.startswith("-") and word != "-":
            return waiting is None and (self._begin_rest(word) if word == "--" else self._take_option(word))
        if waiting is None:
            if self.argument is not None and self.argument.kind == "rest":
                return self._begin_rest(word)
            self._given.append(word)
            return True
        value: Value = _value(waiting, word)
        if value is None:
            return False
        if waiting.kind == "texts":
            before = self.values.get(waiting.name)
            value = [*(before if isinstance(before, list) else []), word]
        self.values[waiting.name] = value
        return True

    def _begin_rest(self, word: str) -> bool:
        parameter = self.command.rest
        if parameter is None:
            return False
        self._rest = [] if word == "--" else [word]
        self.values[parameter.name] = self._rest
        return True

    def _take_option(self, word: str) -> bool:
        for parameter in self.command.options:
            if word in parameter.words:
                if parameter.kind == "flag":
                    self.values[parameter.name] = True
                elif parameter.bare is not None:
                    self.values[parameter.name] = parameter.bare
                else:
                    self.awaiting = parameter
                return True
        return False

    def _take_arguments(self) -> bool:
        """Give the arguments their words; False if there is one word too many, or one that is not plain."""
        words, parameters = [*self._given], [p for p in self.command.arguments if p.kind != "rest"]
        for place, parameter in enumerate(parameters):
            if not words:
                return True
            if parameter.takes_several:
                most = len(words) - len(parameters[place + 1 :])
                taken, words = words[:most], words[most:]
                if taken:
                    self.values[parameter.name] = taken
                continue
            value = _value(parameter, words.pop(0))
            if value is None:
                return False
            self.values[parameter.name] = value
        return not words

    def whole(self) -> dict[str, Value] | None:
        """Return the value of each parameter, with defaults; None if one is missing."""
        if self.awaiting is not None or not self._take_arguments():
            return None
        found: dict[str, Value] = {}
        for parameter in self.command.parameters:
            if parameter.is_required and parameter.name not in self.values:
                return None
            usual: Value = [] if parameter.kind in {"texts", "rest"} else parameter.default
            found[parameter.name] = self.values.get(parameter.name, usual)
        return found


def read(command: Command, words: Sequence[str]) -> Reading | None:
    """Return the values from plain words, None if they are not plain."""
    reading = Reading(command)
    return reading if all(reading.take(word) for word in words) else None


def spelled_out(command: Command, words: Sequence[str]) -> list[str]:
    """Return the words with the value of each option that was given without its own: the parser knows no such."""
    found = list(words)
    is_awaiting = False
    for place, word in enumerate(found):
        is_value, is_awaiting = is_awaiting, False
        if is_value:
            continue
        if word == "--" or (command.rest is not None and not word.startswith("-")):
            break
        option = next((each for each in command.options if word in each.words), None)
        if option is not None and option.bare is not None:
            found[place] = f"{word}={option.bare}"
        else:
            is_awaiting = option is not None and option.kind != "flag"
    return found


def _value(parameter: Parameter, word: str) -> str | float | None:
    """Return a word's value, None if only the parser can read it."""
    if parameter.kind not in {"int", "seconds"}:
        return word
    digits = word.replace(".", "", 1) if parameter.kind == "seconds" else word
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len("1000000000"):
        return None
    number = float(word) if parameter.kind == "seconds" else int(word)
    is_low = parameter.low is not None and number < parameter.low
    is_high = parameter.high is not None and number > parameter.high
    return None if is_low or is_high else number
