"""`studio demo`: the starter pack makes one of everything, and every result is checked to be real."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from msgspec import Struct
from PIL import Image
from rich.text import Text

from studio.cli import terminal
from studio.cli.fetch import fetch
from studio.cli.session import follow, open_studio, run_async
from studio.domain.failure import StudioError
from studio.domain.job import Job
from studio.domain.model import Model
from studio.domain.quantity import size
from studio.domain.request import Request
from studio.domain.text import localized, t
from studio.families.registry import family
from studio.services.checks import image, speech, text
from studio.services.studio import Studio

SEED = 1
SEEDS = (1, 2, 3)
PICTURES = 3
TEXT_LANGUAGES = ("en", "zh_CN")


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table. `problems` in words, none if the result is real."""

    what: str
    file: str = ""
    seconds: str = ""
    speed: str = ""
    peak: str = ""
    problems: tuple[str, ...] = ()


def demo(*, offline: bool) -> int:
    """Fetch, make, check, and print the table. 0 only if everything is there and real."""
    rows = run_async(_demo(offline=offline))
    titles = [t(f"cli.demo.{name}") for name in ("what", "file", "seconds", "speed", "peak", "check")]
    table = terminal.table(*titles[:2], *(f">{title}" for title in titles[2:5]), titles[5])
    for row in rows:
        verdict = Text(
            "; ".join(row.problems) or t("cli.demo.real"), style="red" if row.problems else "green"
        )
        table.add_row(*map(Text, (row.what, row.file, row.seconds, row.speed, row.peak)), verdict)
    terminal.out().print(table)
    return terminal.FAILED if any(row.problems for row in rows) else terminal.DONE


async def _demo(*, offline: bool) -> list[Row]:
    async with open_studio(offline=offline) as studio:
        for entry in studio.library.starters():
            if not entry.installed:
                try:
                    await fetch(studio, entry.model)
                except StudioError as error:  # the others can still be shown; the table tells what is missing
                    terminal.warn(f"{error.failure.message} {terminal.hint_of(error.failure)}")
        maker = Maker(studio, _new_folder(Path.cwd() / "outputs"))
        return [*await maker.texts(), *await maker.pictures(), *await maker.sounds()]


class Maker:
    """Makes the results in *folder*, one by one."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self._studio = studio
        self._folder = folder

    async def texts(self) -> list[Row]:
        """One in each language of the program."""
        model = self._starter("text")
        if model is None:
            return [_missing("text")]
        rows: list[Row] = []
        for language in TEXT_LANGUAGES:
            prompt = model.examples[language][0]
            values = {"prompt": prompt, "seed": SEED}
            job = await self._job(model, "text", prompt, values, f"text-{language}.txt")
            if isinstance(job, Job):
                finish = job.outcome.finish if job.outcome else None
                found = text.problems(job.artifacts[0].text or "", finish, chinese=language == "zh_CN")
                rows.append(_row(prompt, job, found))
            else:
                rows.append(job)
        return rows

    async def pictures(self) -> list[Row]:
        """One for each of three prompts with the same seed, the first again; without words, three seeds."""
        model = self._starter("image", with_prompt=True)
        if model is None:
            return await self._pictures_without_words()
        known = [prompt for prompt in model.examples["en"] if prompt in image.references()][:PICTURES]
        rows: list[Row] = []
        for prompt in known:
            values = {"prompt": prompt, "seed": SEED}
            job = await self._job(model, "image", prompt, values, f"{prompt.replace(' ', '-')}.png")
            if not isinstance(job, Job):
                rows.append(job)
                continue
            found = image.problems(_pixels(job), prompt)
            if prompt == known[0]:
                found += await self._again(model, job)
            rows.append(_row(prompt, job, found))
        return rows

    async def sounds(self) -> list[Row]:
        """One sentence."""
        model = self._starter("speech")
        if model is None:
            return [_missing("speech")]
        sentence = next(iter(model.examples.values()))[0]
        job = await self._job(model, "speech", sentence, {"prompt": sentence}, "speech.wav")
        if not isinstance(job, Job):
            return [job]
        samples, rate = soundfile.read(job.artifacts[0].path, dtype="float32")
        return [_row(sentence, job, speech.problems(samples, rate, sentence))]

    async def _pictures_without_words(self) -> list[Row]:
        model = self._starter("image")
        if model is None:
            return [_missing("image")]
        title = localized(model.title)
        terminal.warn(t("cli.demo.no_prompts", title=title))
        jobs: list[Job] = []
        for seed in SEEDS:
            what = t("cli.demo.seed", title=title, seed=seed)
            job = await self._job(model, "image", what, {"seed": seed}, f"{model.id}-{seed}.png")
            if not isinstance(job, Job):
                return [job]
            jobs.append(job)
        found = image.problems_without_words([_pixels(job) for job in jobs])
        found += await self._again(model, jobs[0])
        return [
            _row(t("cli.demo.instead", title=title, seed=seed), job, found)
            for seed, job in zip(SEEDS, jobs, strict=True)
        ]

    async def _again(self, model: Model, first: Job) -> tuple[str, ...]:
        """What is wrong with the file of the same request made once more."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "again.png")
            second = await self._job(model, "image", first.request.prompt, first.request.values, path)
            if not isinstance(second, Job):
                return second.problems
            return image.problems_of_repeating(_bytes(first), _bytes(second))

    def _starter(self, task: str, *, with_prompt: bool = False) -> Model | None:
        """The first starter for *task* that is here; *with_prompt*: and makes what words say."""
        for entry in self._studio.library.starters():
            named = {parameter.name for parameter in family(entry.model.family).parameters}
            if task in entry.model.tasks and entry.installed and ("prompt" in named or not with_prompt):
                return entry.model
        return None

    async def _job(self, model: Model, task: str, what: str, values: dict[str, Any], file: str) -> Job | Row:
        """The finished job, or what its line says if it failed."""
        terminal.say(f"{t(f'task.{task}')}: {what}")
        spec = family(model.family)
        request = Request(task=task, family=spec.name, model=model.id, values=spec.complete(values, model))
        try:
            return await follow(self._studio, request, outputs_exact=str(self._folder / file))
        except StudioError as error:
            return Row(what=what, problems=(f"{error.failure.code}: {error.failure.message}",))


def _new_folder(parent: Path) -> Path:
    """`demo-1`, `demo-2`...: an earlier one is never written over. Raises StudioError."""
    number = 1
    while True:
        folder = parent / f"demo-{number}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            reason = error.strerror or str(error)
            raise StudioError("output.unwritable", path=str(folder), reason=reason) from error


def _row(what: str, job: Job, problems: tuple[str, ...]) -> Row:
    outcome, made = job.outcome, job.artifacts[0]
    assert outcome
    total = outcome.timings["total"]
    working = max(total - outcome.timings.get("load", 0.0), 1e-3)
    if outcome.tokens:
        speed = t("cli.demo.tokens", n=f"{outcome.tokens.per_second:.1f}")
    elif made.seconds:
        speed = t("cli.demo.real_time", n=f"{made.seconds / working:.1f}")
    else:
        speed = t("cli.demo.each", n=f"{working:.1f}")
    path = Path(made.path)
    return Row(
        what=what,
        file=str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path),
        seconds=f"{total:.1f}",
        speed=speed,
        peak=size(outcome.peak.ram_bytes),
        problems=tuple(t(key) for key in problems),
    )


def _missing(task: str) -> Row:
    return Row(what=t(f"task.{task}"), problems=(t("cli.no_model", task=t(f"task.{task}")),))


def _pixels(job: Job) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(job.artifacts[0].path) as picture:
        return np.asarray(picture.convert("RGB"))


def _bytes(job: Job) -> bytes:
    return Path(job.artifacts[0].path).read_bytes()
