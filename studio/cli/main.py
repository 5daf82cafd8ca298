"""The commands, their help, and the exit codes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from studio import __version__
from studio.cli import terminal
from studio.cli.options import Misuse, unknown
from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.parameter import ParameterError
from studio.domain.text import set_language, t
from studio.services.language import language
from studio.services.logs import Log
from studio.services.paths import Paths
from studio.services.settings import SettingsStore

log = logging.getLogger(__name__)


def run(arguments: Sequence[str], *, offline: bool = False) -> int:
    """Do what the command line says. Returns 0 done, 1 failed, 2 wrong use, 130 cancelled."""
    terminal.prepare()
    as_json = "--json" in arguments
    try:
        paths = Paths.default()
        settings = SettingsStore(paths)
        set_language(language(settings.value))
        writer = Log(paths, "cli")
    except OSError as error:
        failure = Failure(
            code="output.unwritable", values={"path": error.filename, "reason": error.strerror or str(error)}
        )
        return terminal.show_failure(failure, as_json=as_json)
    if settings.aside:
        terminal.warn(t("cli.settings_aside", path=settings.aside))
    writer.start()
    try:
        return _answer(list(arguments), as_json=as_json, offline=offline)
    finally:
        writer.end()


def _answer(arguments: list[str], *, as_json: bool, offline: bool) -> int:
    try:
        command = typer.main.get_command(_build())
        code = command.main(arguments, prog_name="studio", standalone_mode=False, obj={"offline": offline})
        return int(code or 0)
    except ParameterError as error:
        terminal.show_error(*_refused_value(error), as_json=as_json)
        return terminal.MISUSED
    except StudioError as error:
        return terminal.show_failure(error.failure, as_json=as_json)
    except terminal.Refusal as error:
        terminal.show_error(error.code, error.message, error.hint, as_json=as_json)
        return terminal.FAILED
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        terminal.say(t("cli.cancelled"))
        return terminal.CANCELLED
    except Misuse as error:
        terminal.show_error("usage", str(error), t("cli.usage.help"), as_json=as_json)
        return terminal.MISUSED
    except TyperException as error:
        terminal.show_error("usage", _in_our_words(error), t("cli.usage.help"), as_json=as_json)
        return terminal.MISUSED
    except BrokenPipeError:  # `studio ... | head`: who reads has had enough
        terminal.give_up_stdout()
        return terminal.FAILED
    except Exception as error:
        log.exception("a command failed")
        failure = Failure(code="internal", values={"reason": f"{type(error).__name__}: {error}"})
        return terminal.show_failure(failure, as_json=as_json)


def _refused_value(error: ParameterError) -> tuple[str, str, str]:
    """Code, message and hint, in the words of a command line."""
    parameter, nearest = error.parameter, error.nearest
    name = t("cli.prompt") if parameter.name == "prompt" else parameter.option
    message = f"{name}: {error.failure.values['reason']}"
    hint = error.failure.hint if nearest is None else t("cli.nearest", value=parameter.format(nearest))
    return error.failure.code, message, hint


def _in_our_words(error: TyperException) -> str:
    """typer's own words are English; those that a user meets have ours."""
    name, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    context = getattr(error, "ctx", None)
    if name and hasattr(error, "possibilities"):
        names = [n for p in context.command.get_params(context) for n in p.opts] if context else []
        return unknown(name, names)
    if parameter is not None and type(error).__name__ == "MissingParameter":
        return t("cli.usage.missing", name=parameter.metavar or parameter.name)
    return error.format_message()


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


def _build() -> typer.Typer:
    """The tree of commands, described in the current language."""
    app = typer.Typer(
        cls=Group,
        help=t("cli.help.studio"),
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    models = typer.Typer(cls=Group, rich_markup_mode=None)
    app.add_typer(models, name="models", help=t("cli.help.models"))
    bench = typer.Typer(cls=Group, rich_markup_mode=None)
    app.add_typer(bench, name="bench", help=t("cli.help.bench"))
    as_json = typer.Option(False, "--json", help=t("cli.help.json"))
    one_model = typer.Argument(metavar="ID", help=t("cli.help.id"))

    @app.command("demo", cls=Command, help=t("cli.help.demo"))
    def demo(ctx: typer.Context) -> int:
        from studio.cli.demo import demo

        return demo(offline=ctx.obj["offline"])

    @app.command("machine", cls=Command, help=t("cli.help.machine"))
    def machine(json: bool = as_json) -> int:
        from studio.cli.machine import show

        return show(as_json=json)

    @app.command("doctor", cls=Command, help=t("cli.help.doctor"))
    def doctor(
        ctx: typer.Context,
        json: bool = as_json,
        network: bool = typer.Option(False, "--network", help=t("cli.doctor.network")),
        report: bool = typer.Option(False, "--report", help=t("cli.doctor.report")),
    ) -> int:
        from studio.cli.doctor import check

        return check(as_json=json, network=network, report=report, offline=ctx.obj["offline"])

    @app.command("generate", cls=RawCommand, help=t("cli.help.generate"), add_help_option=False)
    def generate(ctx: typer.Context) -> int:
        from studio.cli.generate import generate

        return generate(ctx.meta["words"], offline=ctx.obj["offline"])

    @app.command("version", cls=Command, help=t("cli.help.version"))
    def version() -> int:
        sys.stdout.write(f"{__version__}\n")
        return terminal.DONE

    @models.command("list", cls=Command, help=t("cli.help.models.list"))
    def models_list(json: bool = as_json) -> int:
        from studio.cli.models import show_list

        return show_list(as_json=json)

    @models.command("show", cls=Command, help=t("cli.help.models.show"))
    def models_show(model_id: str = one_model, json: bool = as_json) -> int:
        from studio.cli.models import show

        return show(model_id, as_json=json)

    @models.command("get", cls=Command, help=t("cli.help.models.get"))
    def models_get(ctx: typer.Context, model_id: str = one_model) -> int:
        from studio.cli.fetch import get

        return get(model_id, offline=ctx.obj["offline"])

    @models.command("remove", cls=Command, help=t("cli.help.models.remove"))
    def models_remove(model_id: str = one_model) -> int:
        from studio.cli.models import remove

        return remove(model_id)

    @bench.command("machine", cls=Command, help=t("cli.help.bench.machine"))
    def bench_machine(
        device: str = typer.Option("auto", "--device", help=t("cli.option.device")), json: bool = as_json
    ) -> int:
        from studio.cli.bench import measure

        return measure(device, as_json=json)

    return app
