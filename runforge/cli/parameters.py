"""The options that several commands share, and short ways to describe others. Every table of commands reads this."""

from __future__ import annotations

from runforge.cli.parameter import Command, Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Command", "Parameter"]
#: A larger number is a typing mistake; the journal's integers end a little later.
MOST = 1_000_000


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
