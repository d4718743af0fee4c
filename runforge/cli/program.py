"""The Typer program: a group that imports each command's module only when it is needed."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runforge import __version__
from runforge.cli.main import COMMANDS
from runforge.text import did_you_mean


class LazyGroup(TyperGroup):
    """Commands by name; their modules come in on demand."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or fail naming the one that was probably meant."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            ctx.fail(f"No such command {cmd_name[:60]!r}. {did_you_mean(cmd_name, COMMANDS)}".rstrip())
            return None
        module = importlib.import_module(f"runforge.cli.{entry[0]}")
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command(cmd_name)(getattr(module, entry[1]))
        return typer.main.get_command(app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands into the help, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (_, _, section) in COMMANDS.items():
            summary = self.get_command(ctx, name).get_short_help_str(limit=formatter.width - 22)
            sections.setdefault(section, []).append((name, summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


def _version(value: bool) -> None:
    if value:
        print(f"runforge {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run experiments in order, and find every run accounted for, whatever crashed."""


def program() -> Any:
    """Return the command line as a Click command."""
    app = typer.Typer(
        cls=LazyGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return typer.main.get_command(app)
