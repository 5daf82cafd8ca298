"""Answers find their conversations: as they come, after a stop, a crash, a restart, another try."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.failure import StudioError
from studio.domain.job import Job, JobState
from studio.domain.request import Request
from studio.services import answers as answers_module
from studio.services.answers import question
from studio.services.conversations import Conversation, Conversations, Turn
from studio.services.studio import Studio
from tests.services.engines import until
from tests.services.writing import TOKENS, answer, studio_at, writing

SLOW = answer(*["word "] * 2000, pause=0.01)


def ask(studio: Studio, words: str, conversation: Conversation | None = None, **values: Any) -> Job:
    conversation = conversation or studio.conversations.new()
    turns = (*conversation.turns, Turn(role="user", content=words))
    request = Request(
        task="text", family="gguf_text", model="chat", values={**question(turns), "seed": 5, **values}
    )
    return studio.answers.ask(msgspec.structs.replace(conversation, turns=turns), request)


def only(studio: Studio) -> Conversation:
    (conversation,) = studio.conversations.recent()
    return conversation


async def test_an_answer_is_kept_with_what_it_took(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch) as studio:
        job = ask(studio, "Hi", system="Be brief.")
        assert only(studio).turns[-1].job == job.id
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        conversation = only(studio)
        said = conversation.turns[-1]
        assert (said.content, said.finish, said.job, said.model) == ("Hello there.", "stop", "", "chat")
        assert msgspec.structs.asdict(said.tokens) == TOKENS
        assert (conversation.title, conversation.model, conversation.system) == ("Hi", "chat", "Be brief.")
        assert studio.answers.job(conversation.id) is None
        again = ask(studio, "And?", conversation)
        await studio.queue.wait(again.id)
        assert studio.queue.job(again.id).request.values["messages"] == [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello there."},
        ]
    kept = Conversations(studio.paths)
    assert [turn.content for turn in kept.recent()[0].turns] == ["Hi", "Hello there.", "And?", "Hello there."]


async def test_a_stopped_answer_keeps_its_text(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch, **{"": SLOW}) as studio:
        job = ask(studio, "Go on")
        await until(lambda: studio.answers.written(only(studio).id).count("word") > 3)
        with pytest.raises(ValueError, match="one answer at a time"):
            ask(studio, "Impatient", only(studio))
        studio.queue.cancel(job.id)
        await studio.queue.wait(job.id)
        said = only(studio).turns[-1]
        assert said.finish == "cancelled"
        assert said.content.count("word") > 3
        assert said.tokens is None


async def test_what_is_said_is_on_disk_at_once_and_an_answer_as_it_grows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(answers_module, "KEEP_SECONDS", 0.05)
    async with writing(tmp_path, monkeypatch, **{"": SLOW}) as studio:
        job = ask(studio, "Will it be there?")
        await until(lambda: Conversations(studio.paths).recent())
        assert Conversations(studio.paths).recent()[0].turns[0].content == "Will it be there?"

        def on_disk() -> str:
            return Conversations(studio.paths).recent()[0].turns[-1].content

        await until(lambda: on_disk().count("word") > 3)
        first = len(on_disk())
        await until(lambda: len(on_disk()) > first)
        studio.queue.cancel(job.id)
        await studio.queue.wait(job.id)


async def test_a_failure_is_told_and_another_try_writes_the_same_answer(tmp_path: Path, monkeypatch) -> None:
    failing = answer(failure={"code": "oom.ram", "retryable": True}, at="prompt")
    async with writing(tmp_path, monkeypatch, **{"": failing}) as studio:
        job = ask(studio, "Hi")
        assert (await studio.queue.wait(job.id)).state is JobState.FAILED
        assert [turn.finish for turn in only(studio).turns] == [None, "failed"]
        again = studio.queue.retry(job.id)
        assert only(studio).turns[-1].job == again.id
        await studio.queue.wait(again.id)
        assert [turn.finish for turn in only(studio).turns] == [None, "failed"]


async def test_another_try_on_another_device_writes_the_same_answer(tmp_path: Path, monkeypatch) -> None:
    gone = answer("Hello", " there.") | {"missing": ["cuda:0"]}
    async with writing(tmp_path, monkeypatch, **{"": gone}) as studio:
        studio.settings.change(device="cuda:0")
        job = ask(studio, "Hi")
        assert (await studio.queue.wait(job.id)).failure.code == "device.missing"
        again = studio.queue.retry(job.id, device="cpu")
        assert again.request.device == "cpu"
        await studio.queue.wait(again.id)
        assert [turn.finish for turn in only(studio).turns] == [None, "stop"]
        assert only(studio).turns[-1].content == "Hello there."


async def test_a_refused_request_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch) as studio:
        with pytest.raises(StudioError, match=r"param\.invalid"):
            ask(studio, "  ")
        assert studio.conversations.recent() == []


async def test_a_request_of_someone_else_is_no_answer(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch) as studio:
        request = Request(task="text", family="gguf_text", model="chat", values={"prompt": "Hi"})
        await studio.queue.wait(studio.queue.submit(request).id)
        assert studio.conversations.recent() == []


async def test_a_deleted_conversation_ends_its_answer_and_comes_back(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch, **{"": SLOW}) as studio:
        job = ask(studio, "Hi")
        await until(lambda: studio.answers.written(only(studio).id))
        gone = studio.answers.delete(only(studio).id)
        assert gone.turns[-1].finish == "cancelled"
        assert (await studio.queue.wait(job.id)).state is JobState.CANCELLED
        assert studio.conversations.recent() == []
        studio.conversations.put(gone)
        assert only(studio).turns == gone.turns


async def test_an_interrupted_answer_is_held_and_written_when_asked(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch, Hi=SLOW) as studio:
        job = ask(studio, "Hi")
        await until(lambda: studio.answers.written(only(studio).id).count("word") > 3)
    async with writing(tmp_path, monkeypatch) as studio:
        said = only(studio).turns[-1]
        assert (said.finish, said.job) == (None, job.id)
        assert said.content.count("word") > 3
        assert studio.answers.job(only(studio).id).state is JobState.HELD
        studio.queue.resume(job.id)
        await studio.queue.wait(job.id)
        assert only(studio).turns[-1].content == "Hello there."


async def test_a_held_answer_that_is_dropped_is_over(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch, Hi=SLOW) as studio:
        job = ask(studio, "Hi")
        await until(lambda: studio.answers.written(only(studio).id))
    async with writing(tmp_path, monkeypatch) as studio:
        studio.queue.forget(job.id)
        assert only(studio).turns[-1].finish == "cancelled"


@pytest.mark.logs
async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch) as studio:
        told = []
        studio.answers.failed.connect(told.append)
        in_the_way = studio.paths.data / "conversations"
        in_the_way.write_text("a file where the folder should be")
        job = ask(studio, "Hi")
        await studio.queue.wait(job.id)
        await until(lambda: told)
        assert told[0].code == "output.unwritable"
        assert only(studio).turns[-1].content == "Hello there."
        in_the_way.unlink()
    assert Conversations(studio.paths).recent()[0].turns[-1].content == "Hello there."


def test_a_studio_that_never_started_has_nothing_to_end(tmp_path: Path, monkeypatch) -> None:
    asyncio.run(studio_at(tmp_path, monkeypatch).close())
