"""Every command with its options, in the current language; what it does is imported when it runs."""

from __future__ import annotations

import sys
from typing import Any

import typer

from studio import __version__
from studio.cli import terminal
from studio.cli.tree import Command, Group, RawCommand
from studio.domain.text import t


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
    app.add_typer(_settings(), name="settings", help=t("cli.help.settings"))
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

    @app.command("connections", cls=Command, help=t("cli.help.connections"))
    def connections(
        limit: int = typer.Option(100, "--limit", min=1, help=t("cli.connections.limit")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.network import connections

        return connections(limit, as_json=json)

    @app.command("token", cls=Command, help=t("cli.help.token"))
    def token(
        ctx: typer.Context,
        action: str = typer.Argument(
            "show", metavar="show|set|remove|check", help=t("cli.help.token.action")
        ),
        repo: str = typer.Argument("", metavar="REPO", help=t("cli.help.token.repo")),
        kind: str = typer.Option("hub", "--for", help=t("cli.help.token.for")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.network import token

        return token(action, repo, kind=kind, as_json=json, offline=ctx.obj["offline"])

    @app.command("version", cls=Command, help=t("cli.help.version"))
    def version() -> int:
        sys.stdout.write(f"{__version__}\n")
        return terminal.DONE

    return app


def _as_json() -> Any:
    return typer.Option(False, "--json", help=t("cli.help.json"))


def _settings() -> typer.Typer:
    settings = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()

    @settings.command("get", cls=Command, help=t("cli.help.settings.get"))
    def settings_get(
        name: str = typer.Argument("", metavar="KEY", help=t("cli.help.settings.key")), json: bool = as_json
    ) -> int:
        from studio.cli.settings import get

        return get(name, as_json=json)

    @settings.command("set", cls=Command, help=t("cli.help.settings.set"))
    def settings_set(
        name: str = typer.Argument(metavar="KEY", help=t("cli.help.settings.key")),
        value: str = typer.Argument("", metavar="VALUE", help=t("cli.help.settings.value")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.settings import change

        return change(name, value, as_json=json)

    return settings


def _models() -> typer.Typer:
    models = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()
    one_model = typer.Argument(metavar="ID", help=t("cli.help.id"))
    some_models = typer.Argument([], metavar="[ID...]", help=t("cli.help.ids"))

    @models.command("list", cls=Command, help=t("cli.help.models.list"))
    def models_list(json: bool = as_json) -> int:
        from studio.cli.models import show_list

        return show_list(as_json=json)

    @models.command("show", cls=Command, help=t("cli.help.models.show"))
    def models_show(model_id: str = one_model, json: bool = as_json) -> int:
        from studio.cli.models import show

        return show(model_id, as_json=json)

    @models.command("get", cls=Command, help=t("cli.help.models.get"))
    def models_get(
        ctx: typer.Context,
        name: str = typer.Argument(metavar="MODEL", help=t("cli.help.name")),
        variant: str = typer.Option("", "--variant", help=t("cli.help.variant")),
        treat_as: str = typer.Option("", "--treat-as", help=t("cli.help.treat_as")),
        yes: bool = typer.Option(False, "--yes", help=t("cli.help.yes")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.catalogue import get

        offline = ctx.obj["offline"]
        return get(name, variant=variant, treat_as=treat_as, yes=yes, as_json=json, offline=offline)

    @models.command("search", cls=Command, help=t("cli.help.models.search"))
    def models_search(
        ctx: typer.Context,
        query: str = typer.Argument(metavar="WORDS", help=t("cli.help.query")),
        task: str = typer.Option("", "--task", help=t("cli.help.task")),
        sort: str = typer.Option("downloads", "--sort", help=t("cli.help.sort")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.catalogue import search

        return search(query, task=task, sort=sort, as_json=json, offline=ctx.obj["offline"])

    @models.command("licences", cls=Command, help=t("cli.help.models.licences"))
    def models_licences(ids: list[str] = some_models, json: bool = as_json) -> int:
        from studio.cli.catalogue import licences

        return licences(ids, as_json=json)

    @models.command("pause", cls=Command, help=t("cli.help.models.pause"))
    def models_pause(ids: list[str] = some_models, json: bool = as_json) -> int:
        from studio.cli.fetch import pause

        return pause(ids, as_json=json)

    @models.command("resume", cls=Command, help=t("cli.help.models.resume"))
    def models_resume(ctx: typer.Context, ids: list[str] = some_models, json: bool = as_json) -> int:
        from studio.cli.fetch import resume

        return resume(ids, as_json=json, offline=ctx.obj["offline"])

    @models.command("probe", cls=Command, help=t("cli.help.models.probe"))
    def models_probe(
        ctx: typer.Context,
        name: str = typer.Argument(metavar="MODEL", help=t("cli.help.repo")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.probe import probe

        return probe(name, as_json=json, offline=ctx.obj["offline"])

    @models.command("scan", cls=Command, help=t("cli.help.models.scan"))
    def models_scan(
        folder: str = typer.Argument("", metavar="[FOLDER]", help=t("cli.help.folder")),
        add: bool = typer.Option(False, "--add", help=t("cli.scan.add")),
        duplicates: bool = typer.Option(False, "--duplicates", help=t("cli.scan.duplicates")),
        check: bool = typer.Option(False, "--check", help=t("cli.scan.check")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.scan import look

        return look(folder, add=add, compare=duplicates, check=check, as_json=json)

    @models.command("mirrors", cls=Command, help=t("cli.help.models.mirrors"))
    def models_mirrors(
        ctx: typer.Context,
        test: bool = typer.Option(False, "--test", help=t("cli.mirrors.test")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.network import mirrors

        return mirrors(test=test, as_json=json, offline=ctx.obj["offline"])

    _upkeep(models, one_model, as_json)
    return models


def _upkeep(models: typer.Typer, one_model: Any, as_json: Any) -> None:
    """What is done with models that are here."""
    some_models = typer.Argument(None, metavar="[ID]...", help=t("cli.store.ids"))

    @models.command("remove", cls=Command, help=t("cli.help.models.remove"))
    def models_remove(
        model_id: str = one_model,
        yes: bool = typer.Option(False, "--yes", help=t("cli.store.yes")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.store import remove

        return remove(model_id, yes=yes, as_json=json)

    @models.command("verify", cls=Command, help=t("cli.help.models.verify"))
    def models_verify(model_ids: list[str] = some_models, json: bool = as_json) -> int:
        from studio.cli.store import check

        return check(model_ids or [], as_json=json)

    @models.command("repair", cls=Command, help=t("cli.help.models.repair"))
    def models_repair(ctx: typer.Context, model_id: str = one_model, json: bool = as_json) -> int:
        from studio.cli.store import repair

        return repair(model_id, offline=ctx.obj["offline"], as_json=json)

    @models.command("move", cls=Command, help=t("cli.help.models.move"))
    def models_move(
        model_id: str = one_model,
        root: str = typer.Argument(metavar="ROOT", help=t("cli.store.root")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.store import move

        return move(model_id, root, as_json=json)

    @models.command("export", cls=Command, help=t("cli.help.models.export"))
    def models_export(
        model_id: str = one_model,
        folder: str = typer.Argument(metavar="FOLDER", help=t("cli.store.folder")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.store import export

        return export(model_id, folder, as_json=json)

    @models.command("import", cls=Command, help=t("cli.help.models.import"))
    def models_import(
        path: str = typer.Argument(metavar="PATH", help=t("cli.store.path")), json: bool = as_json
    ) -> int:
        from studio.cli.store import bring

        return bring(path, as_json=json)

    @models.command("du", cls=Command, help=t("cli.help.models.du"))
    def models_du(json: bool = as_json) -> int:
        from studio.cli.store import takes

        return takes(as_json=json)

    @models.command("orphans", cls=Command, help=t("cli.help.models.orphans"))
    def models_orphans(
        free: bool = typer.Option(False, "--free", help=t("cli.store.free")), json: bool = as_json
    ) -> int:
        from studio.cli.store import orphans

        return orphans(free=free, as_json=json)

    @models.command("roots", cls=Command, help=t("cli.help.models.roots"))
    def models_roots(
        add: str = typer.Option("", "--add", metavar="FOLDER", help=t("cli.store.add_root")),
        forget: str = typer.Option("", "--forget", metavar="FOLDER", help=t("cli.store.forget_root")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.store import roots

        return roots(add, forget, as_json=json)


def _bench() -> typer.Typer:
    bench = typer.Typer(cls=Group, rich_markup_mode=None)
    as_json = _as_json()

    @bench.command("machine", cls=Command, help=t("cli.help.bench.machine"))
    def bench_machine(
        device: str = typer.Option("auto", "--device", help=t("cli.option.device")),
        compiler: bool = typer.Option(False, "--compiler", help=t("cli.bench.option.compiler")),
        json: bool = as_json,
    ) -> int:
        from studio.cli.bench import measure

        return measure(device, compiler=compiler, as_json=json)

    @bench.command("plan", cls=RawCommand, help=t("cli.help.bench.plan"), add_help_option=False)
    def bench_plan(ctx: typer.Context) -> int:
        from studio.cli.bench import validate

        return validate(ctx.meta["words"])

    return bench
