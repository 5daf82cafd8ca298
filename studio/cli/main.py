"""Runs what the command line says, and turns every way to fail into words and an exit code."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from studio.cli import terminal
from studio.cli.commands import build
from studio.cli.options import Misuse, unknown
from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.parameter import ParameterError
from studio.domain.text import set_language, t
from studio.services.language import language
from studio.services.logs import Log
from studio.services.paths import Paths
from studio.services.settings import SettingsStore
from studio.wire import offline as switch

log = logging.getLogger(__name__)


def run(arguments: Sequence[str], *, offline: bool = False) -> int:
    """Do what the command line says. Returns 0 done, 1 failed, 2 wrong use, 130 cancelled.

    `--offline` may stand anywhere before a `--`.
    """
    terminal.prepare()
    arguments, said = _without_offline(arguments)
    offline = offline or said
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
    # For those commands too that start no studio, whose own switch this is.
    switch.forbid(offline or settings.value.offline or switch.offline_by_environment())
    try:
        return _answer(list(arguments), as_json=as_json, offline=offline)
    finally:
        switch.forbid(False)
        writer.end()


def _without_offline(arguments: Sequence[str]) -> tuple[list[str], bool]:
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--offline"] + words[end:]
    return kept, len(kept) < len(words)


def _answer(arguments: list[str], *, as_json: bool, offline: bool) -> int:
    try:
        command = typer.main.get_command(build())
        code = command.main(
            arguments, prog_name=terminal.program(), standalone_mode=False, obj={"offline": offline}
        )
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
        terminal.show_error(
            "usage", str(error), t("cli.usage.help", studio=terminal.program()), as_json=as_json
        )
        return terminal.MISUSED
    except TyperException as error:
        terminal.show_error(
            "usage", _in_our_words(error), t("cli.usage.help", studio=terminal.program()), as_json=as_json
        )
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
