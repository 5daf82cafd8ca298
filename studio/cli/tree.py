"""The kinds of commands: what they take, and their help in the user's language."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from studio.cli import terminal
from studio.cli.options import Misuse, unknown
from studio.domain.text import t


class Group(TyperGroup):
    """Commands, with help in the user's language."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args:
            typer.echo(self.get_help(ctx))
            ctx.exit(terminal.MISUSED)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None:
            raise Misuse(unknown(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Any) -> str:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(200) if command else "") for name, command in commands]
        sections = [(t("cli.help.commands"), rows)]
        return terminal.help_text(ctx.command_path, t("cli.help.command"), self.help or "", sections)


class Command(TyperCommand):
    """One command, with help in the user's language."""

    allow_extra_args = True  # they are refused here, in our words

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if ctx.args:
            raise Misuse(t("cli.usage.extra", word=ctx.args[0]))
        return rest

    def get_help(self, ctx: Any) -> str:
        parameters: list[Any] = [parameter for parameter in self.get_params(ctx) if parameter.name != "help"]
        arguments = [(p.metavar, p.help or "") for p in parameters if p.param_type_name == "argument"]
        options = [(", ".join(p.opts), p.help or "") for p in parameters if p.param_type_name == "option"]
        usage = [name for name, _ in arguments] + ([t("cli.help.options_word")] if options else [])
        sections = [(t("cli.help.arguments"), arguments), (t("cli.help.options"), options)]
        return terminal.help_text(ctx.command_path, " ".join(usage), self.help or "", sections)


class RawCommand(Command):
    """Takes its words as they are: its options depend on the model that they name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["words"] = list(args)
        return super().parse_args(ctx, [])
