"""The full parser: a Typer program, made from the table of commands. A command is imported when it runs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from runforge import __version__
from runforge.cli import completion, fast_path, words
from runforge.cli.commands import ABOUT, COMMANDS, SECTIONS, VERSION, find
from runforge.cli.parameter import Command, Parameter
from runforge.text import did_you_mean

_TYPES: dict[str, Any] = {
    "flag": bool,
    "text": str,
    "texts": list[str],
    "rest": list[str],
    "file": Path,
    "folder": Path,
    "int": int,
    "seconds": float,
}


class TableGroup(TyperGroup):
    """The commands of the table; each becomes a Typer command when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or fail and name the one that was probably meant."""
        command = find(cmd_name)
        if command is None:
            ctx.fail(f"No such command {cmd_name[:60]!r}. {did_you_mean(cmd_name, COMMANDS)}".rstrip())
            return None
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        # After the first word of the rest, an option is the program's.
        is_behind = _is_behind_targets(command)
        settings = {"allow_interspersed_args": command.rest is None or is_behind}
        made = app.command(
            command.name,
            cls=_RestBehindTargets if is_behind else None,
            help=command.help,
            epilog=_epilog(command),
            context_settings=settings,
        )
        made(_callback(command))
        return typer.main.get_command(app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command and its words, with the values of the options that were given without one."""
        name, command, rest = super().resolve_command(ctx, args)
        known = find(args[0])
        return name, command, rest if known is None else words.spelled_out(known, rest)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the commands into the help, section by section."""
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(command.name, command.help) for command in commands])


class _RestBehindTargets(TyperCommand):
    """A command with any number of targets, and with a program's command after `--`: Click knows only one such."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave what is behind the first `--` alone."""
        place = args.index("--") if "--" in args else len(args)
        left = super().parse_args(ctx, args[:place])
        ctx.params["command"] = args[place + 1 :]
        return left

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Name the rest in the usage."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def _is_behind_targets(command: Command) -> bool:
    return command.rest is not None and any(argument.takes_several for argument in command.arguments)


def _epilog(command: Command) -> str | None:
    """Return the examples of a command, under its options."""
    lines = [f"  {line}" for line in command.examples]
    return "\n".join(["\b", "Examples:", *lines]) if lines else None


def _callback(command: Command) -> Any:
    """Return a function with the signature from the table: Typer makes the parameters from it."""

    def call(**values: Any) -> int:
        return fast_path.function(command)(**values)

    parameters = [p for p in command.parameters if p is not command.rest or not _is_behind_targets(command)]
    call.__signature__ = inspect.Signature([_typed(p) for p in parameters])  # type: ignore[attr-defined]
    call.__annotations__ = {}
    return call


def _typed(parameter: Parameter) -> inspect.Parameter:
    kind: Any = _TYPES[parameter.kind]
    default: Any = parameter.default
    if parameter.is_required:
        default = inspect.Parameter.empty
    elif parameter.kind in {"texts", "rest"}:
        default = []
    elif default is None:
        kind = kind | None
    elif kind is Path:
        default = Path(default)
    annotation = Annotated[kind, _told_to_typer(parameter)]
    return inspect.Parameter(
        parameter.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _told_to_typer(parameter: Parameter) -> Any:
    made = typer.Option if parameter.words else typer.Argument
    return made(
        *parameter.words,
        help=parameter.help,
        min=parameter.low,
        max=parameter.high,
        metavar=parameter.metavar,
        autocompletion=_completer(parameter.completes) if parameter.completes else None,
    )


def _completer(what: str) -> Any:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return completion.choices(what, incomplete, ctx.params.get("workspace"))

    return complete


def _version(value: bool) -> None:
    if value:
        print(f"runforge {__version__}")
        raise typer.Exit


def program() -> Any:
    """Return the command line as a Click command."""
    app = typer.Typer(
        cls=TableGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(help=ABOUT)
    def root(
        version: Annotated[
            bool, typer.Option(*VERSION.words, callback=_version, is_eager=True, help=VERSION.help)
        ] = False,
    ) -> None:
        pass

    return typer.main.get_command(app)
