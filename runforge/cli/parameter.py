"""Describes commands, options and arguments.

Only plain classes: no `typing`, `re`, `pathlib`, `json` or `datetime`, because importing them takes longer
than the interpreter's start. Every call reads this, and every tab.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACEHOLDERS = {"file": "FILE", "folder": "FOLDER", "int": "N", "seconds": "SECONDS"}


class Parameter:
    """An option, or an argument if it has no words.

    `name` is the parameter's name in the command's function. `kind` is flag, text, texts (several: an option is
    repeated, an argument takes as many words as there are), rest (an argument that takes all words from its first one
    on, or from `--` on), file, folder, int or seconds. `low` and `high` are its limits. `completes` is what the shell
    offers: group, run, either, or a name of completion.VALUES. `bare` is the value of an option that is given without
    one; then a value must stand behind `=`.
    """

    __slots__ = (
        *("name", "words", "kind", "help", "default", "is_required"),
        *("low", "high", "metavar", "completes", "bare"),
    )

    def __init__(
        self,
        name: str,
        words: tuple[str, ...],
        kind: str,
        help: str,  # noqa: A002 - what Typer calls it
        *,
        default: str | float | bool | None = None,
        is_required: bool = False,
        low: float | None = None,
        high: float | None = None,
        metavar: str | None = None,
        completes: str | None = None,
        bare: str | None = None,
    ) -> None:
        self.bare = bare
        self.name = name
        self.words = words
        self.kind = kind
        self.help = help
        self.default = default
        self.is_required = is_required
        self.low = low
        self.high = high
        self.metavar = metavar
        self.completes = completes

    @property
    def placeholder(self) -> str:
        """The placeholder for the value in the documentation."""
        by_kind = _PLACEHOLDERS.get(self.kind) or (self.completes or "text").upper()
        return (self.metavar or by_kind).replace("[", "").replace("]", "")

    @property
    def written(self) -> tuple[str, ...]:
        """How it is typed: its words, with the placeholder of the value after the last one."""
        if self.kind == "flag":
            return self.words
        words = self.words or ("",)
        value = f"[={self.placeholder}]" if self.bare is not None else f" {self.placeholder}"
        return (*words[:-1], f"{words[-1]}{value}".strip())

    @property
    def takes_several(self) -> bool:
        """Whether it is an argument of any number of words."""
        return self.kind == "texts" and not self.words


class Command:
    """One command: its parameters, its help, and its function.

    `runs` is `module:function` below runforge.cli. `reads_only` promises that it changes nothing in the
    workspace. `ends_at_once` says that nothing is left to do after its function: no thread, no screen,
    nothing that needs the interpreter's normal end, which would take a seventh of such a call. Commands that
    only read end at once. `aliases` work and are listed nowhere: the names that other queues taught people.
    """

    __slots__ = ("aliases", "ends_at_once", "examples", "help", "name", "parameters", "reads_only", "runs")

    def __init__(
        self,
        name: str,
        runs: str,
        help: str,  # noqa: A002
        parameters: Sequence[Parameter],
        *,
        reads_only: bool = False,
        ends_at_once: bool = False,
        examples: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.runs = runs
        self.help = help
        self.parameters = parameters
        self.reads_only = reads_only
        self.ends_at_once = ends_at_once or reads_only
        self.examples = examples
        self.aliases = aliases

    @property
    def options(self) -> list[Parameter]:
        """The parameters that have words."""
        return [parameter for parameter in self.parameters if parameter.words]

    @property
    def rest(self) -> Parameter | None:
        """The argument that takes all words from its first one on, if there is one: options end there."""
        return next((p for p in self.parameters if p.kind == "rest"), None)

    @property
    def arguments(self) -> list[Parameter]:
        """The parameters that are identified by their position."""
        return [parameter for parameter in self.parameters if not parameter.words]
