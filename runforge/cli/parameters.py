"""Describes commands, options and arguments, and has the options that several commands share.

Only plain classes: no `typing`, `re`, `pathlib`, `json` or `datetime`, because importing them takes longer
than the interpreter's start. Every call reads this, and every tab.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: A larger number is a typing mistake; the journal's integers end a little later.
MOST = 1_000_000

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


def flag(word: str, help: str, *others: str, name: str = "") -> Parameter:  # noqa: A002
    """Return an option without a value: true if it is given."""
    return Parameter(name or _name(word), (word, *others), "flag", help, default=False)


def option(words: str, kind: str, help: str, *, name: str = "", **more: Any) -> Parameter:  # noqa: A002
    """Return an option with a value; `words` are its names, with a space between them."""
    names = tuple(words.split())
    return Parameter(name or _name(names[0]), names, kind, help, **more)


def argument(name: str, kind: str, help: str, **more: Any) -> Parameter:  # noqa: A002
    """Return an argument that must be given; the position identifies it."""
    return Parameter(name, (), kind, help, is_required=True, **more)


def optional(name: str, kind: str, help: str, **more: Any) -> Parameter:  # noqa: A002
    """Return an argument that may be omitted."""
    return Parameter(name, (), kind, help, **more)


def _name(word: str) -> str:
    return word.lstrip("-").replace("-", "_")


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


WORKSPACE = option(
    "--workspace -w",
    "folder",
    "The workspace. Default: $RUNFORGE_WORKSPACE, else the nearest parent folder with .runforge.",
)
STATE_DIR = option(
    "--state-dir",
    "folder",
    "A local folder for journal and locks, if the workspace is on a network file system.",
)
JSON = flag("--json", "Print JSON (docs/usage.md).", name="as_json")
PLAN = option("--plan -p", "file", "The sweep plan; `-` reads it from standard input.", is_required=True)
GROUP = option(
    "--group-id -g",
    "text",
    "The group: id, unique beginning, name, or @last.",
    is_required=True,
    completes="group",
)
RUN = argument("run", "text", "The run: number, id, unique beginning, or @last.", completes="run")
TARGETS = optional(
    "targets",
    "texts",
    "Runs and groups: numbers (12, 3-9), ids or their beginnings, names of groups, @last, @last~1.",
    metavar="[TARGET]...",
    completes="either",
)
RUNS = optional(
    "targets",
    "texts",
    "Runs, or groups for all their runs: numbers (12, 3-9), ids, names of groups, @last. Default: the newest run.",
    metavar="[TARGET]...",
    completes="either",
)
WHERE = option(
    "--where",
    "text",
    "Only runs that match, as in the terminal UI: 'state:failed lr=0.1 group:lm'. Without a TARGET: of all.",
    metavar="FILTER",
)
UTC = flag("--utc", "Show times in UTC instead of local time.")
YES = flag("--yes", "Do not ask.", "-y")
RESUMABLE = option(
    "--resumable",
    "text",
    "It can go on later from what it saves after this signal: TERM if none is given.",
    metavar="SIGNAL",
    bare="TERM",
)
ON_LOST = option(
    "--on-lost",
    "text",
    "If the machine or its supervisor dies: requeue, resume, hold or fail; else as the daemon's --orphans.",
    metavar="WHAT",
    completes="on_lost",
)
DRY_RUN = flag("--dry-run", "Check everything and go through all steps, but train no model.")
DRY_RUN_SECONDS = option(
    "--dry-run-seconds",
    "seconds",
    "How long a dry run keeps its slot.",
    name="dry_run_hold",
    default=0.0,
    low=0.0,
)
MAX_RUNS = option("--max-runs", "int", "Refuse a plan with more runs than this.", default=10_000, low=1)
