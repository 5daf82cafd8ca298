"""Every command with its options, in the current language; what it does is imported when it runs."""

from __future__ import annotations

import sys
from typing import Any

import typer

from studio import __version__
from studio.cli import terminal
from studio.cli.tree import Command, Group, RawCommand
from studio.domain.text import t
from studio.domain.workshop import METHODS


def build() -> typer.Typer:
    """The tree of commands, described in the current language."""
    app = typer.Typer(
        cls=Group,
        help=t("cli.help.studio"),
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(_models(), name="models", help=t("cli.help.models"))
    app.add_typer(_bench(), name="bench", help=t("cli.help.bench"))
    app.add_typer(_workshop(), name="workshop", help=t("cli.help.workshop"))
    as_json = _as_json()

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

    @app.command("plan", cls=RawCommand, help=t("cli.help.plan"), add_help_option=False)
    def plan(ctx: typer.Context) -> int:
        from studio.cli.plan import plan

        return plan(ctx.meta["words"], offline=ctx.obj["offline"])

    @app.command("version", cls=Command, help=t("cli.help.version"))
    def version() -> int:
        sys.stdout.write(f"{__version__}\n")
        return terminal.DONE

    return app


def _as_json() -> Any:
    return typer.Option(False, "--json", help=t("cli.help.json"))


def _models() -> typer.Typer:
    models = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()
    one_model = typer.Argument(metavar="ID", help=t("cli.help.id"))

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

    @models.command("probe", cls=Command, help=t("cli.help.models.probe"))
    def models_probe(
        ctx: typer.Context,
        name: str = typer.Argument(metavar="REPO", help=t("cli.help.repo")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.probe import probe

        return probe(name, as_json=json, offline=ctx.obj["offline"])

    @models.command("remove", cls=Command, help=t("cli.help.models.remove"))
    def models_remove(model_id: str = one_model) -> int:
        from studio.cli.models import remove

        return remove(model_id)

    return models


def _workshop() -> typer.Typer:
    workshop = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()

    one = typer.Argument(metavar="MODEL", help=t("cli.option.model"))
    several = typer.Argument(metavar="MODEL...", help=t("cli.help.workshop.models"))

    @workshop.command("list", cls=Command, help=t("cli.help.workshop.list"))
    def workshop_list(model: str = one, json: bool = as_json) -> int:
        from studio.cli.workshop import show_offers

        return show_offers(model, as_json=json)

    @workshop.command("report", cls=Command, help=t("cli.help.workshop.report"))
    def workshop_report(models: list[str] = several, json: bool = as_json) -> int:
        from studio.cli.workshop import show_reports

        return show_reports(models, as_json=json)

    def add(method: str) -> None:
        @workshop.command(
            method, cls=RawCommand, help=t(f"workshop.method.{method}.help"), add_help_option=False
        )
        def work(ctx: typer.Context) -> int:
            from studio.cli.workshop import work

            return work(method, ctx.meta["words"], offline=ctx.obj["offline"])

    for method in METHODS:
        add(method)
    return workshop


def _bench() -> typer.Typer:
    bench = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()

    @bench.command("machine", cls=Command, help=t("cli.help.bench.machine"))
    def bench_machine(
        device: str = typer.Option("auto", "--device", help=t("cli.option.device")), json: bool = as_json
    ) -> int:
        from studio.cli.bench import measure

        return measure(device, as_json=json)

    @bench.command("plan", cls=RawCommand, help=t("cli.help.bench.plan"), add_help_option=False)
    def bench_plan(ctx: typer.Context) -> int:
        from studio.cli.bench import validate

        return validate(ctx.meta["words"])

    return bench
