"""`studio generate TASK PROMPT`: one request from words to files."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from studio import __version__
from studio.cli import terminal
from studio.cli.home import open_library
from studio.cli.options import Misuse, Option, options_of, parse, peek, unknown
from studio.domain.artifact import EXTENSIONS
from studio.domain.failure import StudioError
from studio.domain.job import Job
from studio.domain.parameter import Parameter
from studio.domain.planning import choices
from studio.domain.request import Request
from studio.domain.text import t
from studio.families.registry import families
from studio.services.library.library import Library, Resolved
from studio.services.settings import Settings
from studio.wire import files

DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu):\d{1,2}")
MAX_THREADS = 1024
HELP = ("--help", "-h")
MODEL = ("--model", "-m")


def generate(words: Sequence[str], *, offline: bool) -> int:
    """Do what the words after `studio generate` say."""
    known = tasks()
    if not words or words[0] in HELP:
        rows = [(task, t(f"task.{task}")) for task in known]
        usage, about = t("cli.generate.usage"), t("cli.help.generate")
        terminal.show(
            terminal.help_text(f"{terminal.program()} generate", usage, about, [(t("cli.help.tasks"), rows)])
        )
        return terminal.DONE if words else terminal.MISUSED
    task, rest = words[0], words[1:]
    if task not in known:
        raise Misuse(unknown(task, known))
    if any(word in HELP for word in rest):
        terminal.show(_help(task, rest))
        return terminal.DONE
    from studio.cli.session import run_async

    return run_async(_generate(task, rest, offline=offline))


def tasks() -> list[str]:
    """What the families can make."""
    return sorted({task for spec in families().values() for task in spec.tasks})


async def _generate(task: str, words: Sequence[str], *, offline: bool) -> int:
    from studio.cli.session import follow, open_studio

    async with open_studio(offline=offline) as studio:
        model_id = peek(words, MODEL) or _default(studio.library, task)
        resolved = await asyncio.to_thread(studio.library.resolve, model_id, verify=False)
        if task not in resolved.spec.tasks:
            raise StudioError(
                "param.invalid", name="--model", reason=t("cli.wrong_task", task=t(f"task.{task}"))
            )
        own, values = _understand(words, resolved)
        request = _request(task, resolved, own, values, studio.settings.value)
        output = _output(own, request)
        _make_writable(output.parent if output else studio.outputs())
        stream = "stream" in resolved.spec.capabilities and "json" not in own
        job = await follow(
            studio,
            request,
            stream=stream,
            front=True,
            outputs_exact=str(output) if output else None,
            overwrite="force" in own,
        )
    _tell(job, as_json="json" in own, streamed=stream, named=output is not None)
    return terminal.DONE


# --- what is wanted -----------------------------------------------------------------------------


def where() -> list[Option]:
    """On which device to compute, with how many threads, and in which way."""
    device, threads = t("cli.option.device"), t("cli.option.threads")
    return [
        Option(key="device", names=("--device",), metavar="DEVICE", help=device, parse=_device),
        Option(key="threads", names=("--threads",), metavar="N", help=threads, parse=_threads),
        Option(
            key="choices",
            names=("--plan",),
            metavar="KEY=VALUE",
            help=t("cli.option.choice"),
            parse=_choice,
            many=True,
        ),
    ]


def _own_options() -> list[Option]:
    """Those of the command itself."""
    return [
        Option(key="model", names=MODEL, metavar="MODEL", help=t("cli.option.model")),
        Option(key="output", names=("--output", "-o"), metavar="FILE", help=t("cli.option.output")),
        Option(key="force", names=("--force",), help=t("cli.option.force")),
        Option(key="file", names=("--file",), metavar="FILE", help=t("cli.option.file")),
        *where(),
        Option(key="json", names=("--json",), help=t("cli.help.json")),
    ]


def _family_options(parameters: Sequence[Parameter]) -> list[Option]:
    return [msgspec.structs.replace(option, key=f"={option.key}") for option in options_of(parameters)]


def _understand(words: Sequence[str], resolved: Resolved) -> tuple[dict[str, Any], dict[str, Any]]:
    """The command's own options, and the parameters' values with the prompt."""
    parameters = resolved.spec.parameters_for(resolved.model)
    prompts, found = parse(words, [*_family_options(parameters), *_own_options()])
    own = {key: value for key, value in found.items() if not key.startswith("=")}
    values = {key[1:]: value for key, value in found.items() if key.startswith("=")}
    if len(prompts) > 1:
        raise Misuse(t("cli.usage.one_prompt", word=prompts[1]))
    if prompts and "file" in own:
        raise Misuse(t("cli.usage.prompt_or_file"))
    if "file" in own:
        values["prompt"] = _read(own["file"])
    elif prompts:
        values["prompt"] = _decode(sys.stdin.buffer.read(), "-") if prompts[0] == "-" else prompts[0]
    if "prompt" in values and all(parameter.name != "prompt" for parameter in parameters):
        raise Misuse(t("cli.usage.no_prompt"))
    return own, values


def _request(
    task: str, resolved: Resolved, own: dict[str, Any], values: dict[str, Any], settings: Settings
) -> Request:
    return Request(
        task=task,
        family=resolved.spec.name,
        model=resolved.source.id,
        values=resolved.spec.complete(values, resolved.model),
        device=own.get("device", settings.device),
        threads=own.get("threads", settings.threads),
        choices=dict(own.get("choices", ())),
    )


def _output(own: dict[str, Any], request: Request) -> Path | None:
    """The file to write, checked before the work is done."""
    if "output" not in own:
        return None
    path = Path(own["output"]).expanduser().absolute()
    if path.is_dir():
        raise Misuse(t("cli.usage.output_is_folder", path=path))
    path = _with_extension(path, request)
    count = request.values.get("count", 1)
    names = [files.numbered(path, index, count) for index in range(count)]
    taken = [name for name in names if name.exists()]
    if taken and "force" not in own:
        raise StudioError("output.unwritable", path=str(taken[0]), reason=t("cli.exists"))
    return path


def _with_extension(path: Path, request: Request) -> Path:
    """*path* with the ending of what is made. Raises Misuse for the ending of something else."""
    fitting = EXTENSIONS.get(request.task, ())
    ending = path.suffix.lower().removeprefix(".")
    if not fitting or ending in fitting:
        return path
    if ending:
        known = " / ".join(f".{each}" for each in fitting)
        raise Misuse(t("cli.usage.ending", task=t(f"task.{request.task}"), ending=path.suffix, fitting=known))
    asked = request.values.get("format")
    return path.with_name(f"{path.name}.{asked if asked in fitting else fitting[0]}")


def _make_writable(folder: Path) -> None:
    """Said now rather than after minutes of work. Raises StudioError `output.unwritable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or str(error)
        raise StudioError("output.unwritable", path=str(folder), reason=reason) from error


def _default(library: Library, task: str) -> str:
    entry = library.default(task)
    if entry:
        return entry.model.id
    offers = [offer for offer in library.entries(task) if offer.model.status == "ready"]
    hint = t("cli.no_model.hint", studio=terminal.program(), id=offers[0].model.id) if offers else ""
    raise terminal.Refusal("model.missing", t("cli.no_model", task=t(f"task.{task}")), hint)


def _device(text: str) -> str:
    if not DEVICE.fullmatch(text):
        raise Misuse(t("cli.usage.device", device=text))
    return text


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_THREADS:
        raise Misuse(t("cli.usage.threads", maximum=MAX_THREADS))
    return int(text)


def _choice(text: str) -> tuple[str, str]:
    try:
        return choices.parse(text)
    except ValueError as error:
        key, name, known = error.args
        raise Misuse(t(key, name=name, known=known)) from error


def _read(name: str) -> str:
    try:
        return _decode(Path(name).expanduser().read_bytes(), name)
    except OSError as error:
        raise StudioError("param.invalid", name="--file", reason=f"{name}: {error.strerror}") from error


def _decode(data: bytes, name: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise StudioError("param.invalid", name=name, reason=t("cli.not_text")) from error


# --- what came of it ----------------------------------------------------------------------------


def _tell(job: Job, *, as_json: bool, streamed: bool, named: bool) -> None:
    if as_json:
        terminal.print_json(summary(job))
        return
    texts = [artifact for artifact in job.artifacts if artifact.text is not None]
    if texts and not streamed:
        sys.stdout.write("\n".join(artifact.text or "" for artifact in texts))
    if texts:
        sys.stdout.write("\n")
    for artifact in job.artifacts:
        if artifact.text is None:
            sys.stdout.write(f"{artifact.path}\n")
        elif named:
            terminal.say(t("cli.saved", path=artifact.path))
    sys.stdout.flush()


def summary(job: Job) -> dict[str, Any]:
    """A finished job as `--json` prints it."""
    outcome = job.outcome
    assert outcome
    result: dict[str, Any] = {"model": job.request.model, "version": __version__, "outputs": []}
    for artifact in job.artifacts:
        output = {name: getattr(artifact, name) for name in ("path", "sha256", "media_type", "seed")}
        if artifact.text is not None:
            output["text"] = artifact.text
        result["outputs"].append(output)
    result["timings"] = outcome.timings
    if outcome.loaded:
        result["loaded"] = msgspec.to_builtins(outcome.loaded)
    if outcome.tokens:
        result["tokens"] = {
            name: getattr(outcome.tokens, name) for name in ("prompt", "generated", "per_second")
        }
    result["peak"] = {"ram_bytes": outcome.peak.ram_bytes}
    if outcome.peak.vram_bytes is not None:
        result["peak"]["vram_bytes"] = outcome.peak.vram_bytes
    return result


def _help(task: str, words: Sequence[str]) -> str:
    """The command's options and those of the model, or of every family that knows the task."""
    library = open_library()
    named, default = peek(words, MODEL), library.default(task)
    if named or default:
        resolved = library.resolve(named or default.model.id, verify=False)
        title = t("cli.help.options_of", model=resolved.source.title or resolved.source.id)
        options = options_of(resolved.spec.parameters_for(resolved.model))
    else:
        title = t("cli.help.options_of", model=t(f"task.{task}"))
        specs = [spec for spec in families().values() if task in spec.tasks]
        options = list({o.names: o for spec in specs for o in options_of(spec.parameters)}.values())
    sections = [(title, _rows(options)), (t("cli.help.options"), _rows(_own_options()))]
    usage, about = t("cli.generate.prompt_usage"), t("cli.help.generate")
    return terminal.help_text(f"{terminal.program()} generate {task}", usage, about, sections)


def _rows(options: Sequence[Option]) -> list[tuple[str, str]]:
    return [(f"{', '.join(option.names)} {option.metavar}".strip(), option.help) for option in options]
