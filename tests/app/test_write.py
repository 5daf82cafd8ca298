"""Write: what the view-model does with conversations, and the panel in a real window with real services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QTextDocument
from PySide6.QtWidgets import QWidget

from studio.app import language
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.panels.write import viewmodel
from studio.app.panels.write.answer import AnswerView, Offer
from studio.app.panels.write.code_block import CodeBlock
from studio.app.panels.write.panel import WritePanel
from studio.app.panels.write.prose import Prose
from studio.app.panels.write.question import QuestionView
from studio.app.panels.write.viewmodel import WriteModel
from studio.domain.job import JobState, Tokens
from studio.domain.request import Request
from studio.services.conversations import Conversation, Turn
from studio.services.studio import Studio
from tests.services.engines import until
from tests.services.writing import CONTEXT, answer, writing

SLOW = answer(*["word "] * 2000, pause=0.01)
MARKDOWN = "A **bold** word, [a link](https://example.com/a).\n\n```python\nx = 1\n```\n\nThe end.\n"


@asynccontextmanager
async def model_of(folder: Path, monkeypatch, **jobs: dict[str, Any]) -> AsyncIterator[WriteModel]:
    async with writing(folder, monkeypatch, **jobs) as studio:
        model = WriteModel(studio)
        await until(lambda: model._traits.context)
        try:
            yield model
        finally:
            model.close()


async def say(model: WriteModel, words: str) -> Turn:
    """Send *words* and wait for the answer."""
    model.prompt.value = words
    job = model.send()
    assert job is not None, model.failure.value
    await model.studio.queue.wait(job.id)
    return model.conversation.value.turns[-1]


# --- the view-model --------------------------------------------------------------------------


async def test_a_conversation_goes_back_and_forth(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        assert (await say(model, "Hi")).content == "Hello there."
        assert model.prompt.value == ""
        await say(model, "And now?")
        assert [turn.role for turn in model.conversation.value.turns] == ["user", "assistant"] * 2
        assert model.job.value.request.values["messages"][1] == {
            "role": "assistant",
            "content": "Hello there.",
        }
        assert [each.title for each in model.conversations.value] == ["Hi"]


async def test_the_form_s_values_reach_the_engine(tmp_path, monkeypatch) -> None:
    wanted = {"system": "Rhyme.", "temperature": 0.2, "top_p": 0.5, "top_k": 7, "repetition_penalty": 1.3}
    wanted |= {"max_tokens": 99, "seed": 5}
    async with model_of(tmp_path, monkeypatch) as model:
        for name, value in wanted.items():
            assert model.form.set(name, value), name
        await say(model, "Hi")
        assert wanted.items() <= model.job.value.request.values.items()


async def test_nothing_is_sent_without_words_and_nothing_is_lost(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        model.prompt.value = "  "
        assert model.send() is None
        assert model.failure.value.code == "param.invalid"
        assert model.prompt.value == "  "
        assert model.conversation.value.turns == ()


async def test_stop_keeps_what_was_written(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch, **{"": SLOW}) as model:
        model.prompt.value = "Go on"
        job = model.send()
        told: list[str] = []
        model.more.connect(lambda _: told.append(model.written()))
        await until(lambda: len(told) > 2)
        assert told[0] == told[-1][: len(told[0])]
        assert model.send() is None, "one answer at a time"
        model.stop()
        await model.studio.queue.wait(job.id)
        last = model.conversation.value.turns[-1]
        assert last.finish == "cancelled"
        assert last.content.startswith(told[-1])


async def test_another_answer_takes_the_place_of_the_last(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        await say(model, "Hi")
        first = model.job.value.request
        await model.studio.queue.wait(model.regenerate().id)
        assert [turn.content for turn in model.conversation.value.turns] == ["Hi", "Hello there."]
        again = model.job.value.request
        assert (again.prompt, again.values["messages"]) == (first.prompt, first.values["messages"])
        assert again.seed != first.seed


async def test_words_can_be_changed_and_the_change_undone(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        await say(model, "One")
        await say(model, "Two")
        before = model.say_instead(0, "Uno")
        await model.studio.queue.wait(model.job.value.id)
        assert [turn.content for turn in model.conversation.value.turns] == ["Uno", "Hello there."]
        model.put_back(before)
        assert [turn.content for turn in model.conversation.value.turns][::2] == ["One", "Two"]


async def test_undoing_a_change_stops_its_answer(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch, Uno=SLOW, One=answer("Yes.")) as model:
        await say(model, "One")
        before = model.say_instead(0, "Uno")
        job = model.job.value
        await until(model.written)
        model.put_back(before)
        assert (await model.studio.queue.wait(job.id)).state is JobState.CANCELLED
        assert [turn.content for turn in model.conversation.value.turns] == ["One", "Yes."]
        assert not model.busy
        assert model.job.value is None or model.job.value.state.ended


async def test_another_conversation_while_one_is_written(tmp_path, monkeypatch) -> None:
    jobs = {"Slowly": answer(*["word "] * 40, pause=0.02), "": answer("Hello there.")}
    async with model_of(tmp_path, monkeypatch, **jobs) as model:
        model.prompt.value = "Slowly"
        slow = model.send()
        first = model.conversation.value.id
        await until(model.written)
        model.new()
        assert not model.busy
        assert model.written() == ""
        model.prompt.value = "Quickly"
        quick = model.send()
        assert quick.state is JobState.WAITING
        model.open(first)
        assert model.busy
        assert model.written().startswith("word ")
        await model.studio.queue.wait(slow.id)
        assert model.conversation.value.turns[-1].content == "word " * 40
        await model.studio.queue.wait(quick.id)
        model.open(next(each.id for each in model.conversations.value if each.title == "Quickly"))
        assert model.conversation.value.turns[-1].content == "Hello there."


async def test_rename_search_delete_and_put_back(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        await say(model, "About tea")
        tea = model.conversation.value
        model.new()
        await say(model, "About coffee")
        coffee = model.conversation.value
        model.rename(tea.id, "  Green \n leaves ")
        assert [each.title for each in model.conversations.value] == ["About coffee", "Green leaves"]
        model.search.value = "leaves"
        assert [each.id for each in model.conversations.value] == [tea.id]
        model.search.value = ""
        gone = model.delete(coffee.id)
        assert model.conversation.value.id == tea.id
        model.put_back(gone)
        assert model.conversation.value.turns == coffee.turns
        model.rename(tea.id, " ")
        assert model.studio.conversations.get(tea.id).title == "About tea"


async def test_the_open_conversation_and_its_settings_come_back(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        model.form.set("system", "Rhyme.")
        await say(model, "Hi")
        rhyme = model.conversation.value.id
        model.new()
        model.form.set("system", "Be brief.")
        await say(model, "Hello")
        model.open(rhyme)
        assert model.form.values()["system"] == "Rhyme."
    async with model_of(tmp_path, monkeypatch) as model:
        assert model.conversation.value.id == rhyme
        assert model.form.values()["system"] == "Rhyme."


async def test_the_context_is_measured_and_estimated_before(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        assert model.context.value.limit == CONTEXT, "the model's own, which is less than the form's"
        model.form.set("context_length", 1024)
        assert model.context.value.limit == 1024
        model.prompt.value = "a" * 400
        assert (model.context.value.used, model.context.value.about) == (100, True)
        await say(model, "Hi")
        assert (model.context.value.used, model.context.value.about) == (100, False)
        model.prompt.value = "天" * 40
        assert 120 <= model.context.value.used <= 160
        assert model.context.value.about


async def test_a_model_without_a_template_continues_a_text(tmp_path, monkeypatch) -> None:
    jobs = {"Once upon a time": answer(" there was"), " there was": answer(" a cat.")}
    async with model_of(tmp_path, monkeypatch, **jobs) as model:
        assert model.chat.value
        model.choose("base")
        await until(lambda: not model.chat.value)
        await say(model, "Once upon a time")
        await model.studio.queue.wait(model.go_on().id)
        whole = "".join(turn.content for turn in model.conversation.value.turns)
        assert whole == "Once upon a time there was a cat."
        model.form.set("mode", "chat")
        assert model.chat.value, "the user's word counts"
        model.form.set("mode", "auto")
        model.choose("chat")
        await until(lambda: model.chat.value)
        model.form.set("mode", "completion")
        assert not model.chat.value


async def test_a_result_s_fields_come_back_in_a_new_conversation(tmp_path, monkeypatch) -> None:
    async with model_of(tmp_path, monkeypatch) as model:
        await say(model, "One")
        await say(model, "Two")
        first, request = model.conversation.value, model.job.value.request
        model.form.set("temperature", 1.9)
        model.restore(request)
        assert model.prompt.value == "Two"
        assert model.form.values()["temperature"] == request.values["temperature"]
        assert [turn.content for turn in model.conversation.value.turns] == ["One", "Hello there."]
        assert model.conversation.value.id != first.id
        assert model.studio.conversations.get(first.id) == first


async def test_a_failed_answer_says_so_and_can_be_asked_again(tmp_path, monkeypatch) -> None:
    failing = answer("half", failure={"code": "oom.ram"}, at="prompt")
    async with model_of(tmp_path, monkeypatch, **{"": failing}) as model:
        assert (await say(model, "Hi")).finish == "failed"
        assert model.failure.value.code == "oom.ram"
        job = model.regenerate()
        assert len(model.conversation.value.turns) == 2
        await model.studio.queue.wait(job.id)


# --- the panel -------------------------------------------------------------------------------


@asynccontextmanager
async def window_of(
    folder: Path, monkeypatch, **jobs: dict[str, Any]
) -> AsyncIterator[tuple[Frame, WritePanel]]:
    async with writing(folder, monkeypatch, **jobs) as studio:
        frame = Frame(Desk(studio))
        frame.window.resize(1440, 900)
        frame.window.show()
        panel = frame.window.go("write")
        assert isinstance(panel, WritePanel)
        await until(lambda: panel.model._traits.context)
        try:
            yield frame, panel
        finally:
            panel.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


async def send(panel: WritePanel, words: str) -> None:
    panel.prompt.area.setPlainText(words)
    panel.prompt.button.click()
    await panel.desk.studio.queue.wait(panel.model.job.value.id)
    await until(lambda: panel.transcript.drawn)


async def activate(frame: Frame) -> None:
    frame.window.activateWindow()
    await until(frame.window.isActiveWindow)


def last(panel: WritePanel) -> AnswerView:
    view = panel.transcript.views[-1]
    assert isinstance(view, AnswerView)
    return view


def put(studio: Studio, *words: str, **fields: Any) -> Conversation:
    turns = tuple(
        Turn(role="assistant", content=each, finish="stop", model="chat")
        if index % 2
        else Turn(role="user", content=each)
        for index, each in enumerate(words)
    )
    return studio.conversations.put(
        msgspec.structs.replace(studio.conversations.new(), turns=turns, **fields)
    )


async def test_an_example_begins_with_one_click(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        assert [button.words() for button in panel.greeting.buttons] == ["Say hello.", "Say <b>goodbye</b>."]
        panel.greeting.buttons[1].click()
        await panel.desk.studio.queue.wait(panel.model.job.value.id)
        question, view = panel.transcript.views
        assert isinstance(question, QuestionView)
        assert question.text == "Say <b>goodbye</b>."
        assert view.text == "Hello there."
        language.set_language("zh_CN")
        assert [button.words() for button in panel.greeting.buttons] == ["说你好。"]


@pytest.mark.parametrize(
    ("text", "lines"), [("one", 1), ("one\n", 1), ("\n\none\n\n", 1), ("one\n\ntwo\n", 3)]
)
def test_no_empty_line_stands_at_the_end_of_a_question(qtbot, text: str, lines: int) -> None:
    view = QuestionView(text)
    qtbot.addWidget(view)
    assert view._words.document().blockCount() == lines
    assert view.text == text  # as it was said: it is what is copied, changed and sent again


async def test_an_answer_streams_and_ends_as_markdown(qloop, tmp_path, monkeypatch) -> None:
    pieces = [MARKDOWN[i : i + 3] for i in range(0, len(MARKDOWN), 3)]
    async with window_of(tmp_path, monkeypatch, **{"": answer(*pieces, pause=0.01)}) as (_, panel):
        panel.prompt.area.setPlainText("Go")
        panel.prompt.button.click()
        await until(lambda: panel.transcript.views and last(panel).text)
        assert panel.prompt.button.words() == "Stop"
        await panel.desk.studio.queue.wait(panel.model.job.value.id)
        await until(lambda: panel.transcript.drawn)
        view = last(panel)
        shown = [part.toPlainText() for part in view.findChildren(Prose) if not part.isHidden()]
        assert shown == ["A bold word, a link.", "The end."]
        (code,) = view.findChildren(CodeBlock)
        assert code.text.toPlainText() == "x = 1"
        code.copy.click()
        assert QGuiApplication.clipboard().text() == "x = 1"
        assert "60 tokens  •  25 tokens/s" in [label.text() for label in view.findChildren(type(view._state))]
        assert panel.prompt.button.words() == "Send"


async def test_only_the_last_answer_is_drawn_again(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        await send(panel, "One")
        before = list(panel.transcript.views)
        drawn: list[str] = []
        monkeypatch.setattr(Prose, "set_markdown", lambda self, source: drawn.append(source))
        await send(panel, "Two")
        assert panel.transcript.views[:2] == before
        assert drawn == ["Hello there.\n"]


async def test_a_hidden_panel_goes_on_and_a_visit_elsewhere_changes_nothing(
    qloop, tmp_path, monkeypatch
) -> None:
    async with window_of(tmp_path, monkeypatch, **{"": answer(*["word "] * 60, pause=0.01)}) as (
        frame,
        panel,
    ):
        other = put(panel.desk.studio, "Earlier", "Yes.")
        panel.prompt.area.setPlainText("Go")
        panel.prompt.button.click()
        job, writing_id = panel.model.job.value.id, panel.model.conversation.value.id
        await until(lambda: last(panel).text)
        frame.window.go("settings")
        panel.model.open(other.id)
        assert [view.text for view in panel.transcript.views] == ["Earlier", "Yes."]
        panel.model.open(writing_id)
        await panel.desk.studio.queue.wait(job)
        await until(lambda: panel.transcript.drawn)
        assert last(panel).text == "word " * 60


async def test_stop_by_key_and_its_words(qtbot, qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch, **{"": SLOW}) as (frame, panel):
        await activate(frame)
        panel.prompt.area.setFocus()
        qtbot.keyClicks(panel.prompt.area, "Go")
        qtbot.keyClick(panel.prompt.area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        job = panel.model.job.value
        await until(lambda: last(panel).text)
        qtbot.keyClick(panel.prompt.area, Qt.Key.Key_Escape)
        assert (await panel.desk.studio.queue.wait(job.id)).state is JobState.CANCELLED
        assert last(panel)._state.text() == "stopped"
        assert last(panel)._offer is Offer.REGENERATE


async def test_nothing_in_an_answer_is_fetched_or_opened(qloop, tmp_path, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    evil = "![p](file:///etc/passwd) <img src='file:///etc/passwd'> [w](https://example.com/) [f](file:///etc/passwd)"
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        said: list[Any] = []
        panel.desk.said.connect(said.append)
        panel.model.open(put(panel.desk.studio, "Hi", evil).id)
        await until(lambda: panel.transcript.drawn)
        (prose,) = [each for each in last(panel).findChildren(Prose) if not each.isHidden()]
        assert "<img src='file:///etc/passwd'>" in prose.toPlainText()
        assert prose.toHtml().count("href=") == 1
        image = QTextDocument.ResourceType.ImageResource.value
        assert prose.loadResource(image, QUrl("file:///etc/passwd")).isNull()
        prose.anchorClicked.emit(QUrl("https://example.com/"))
        assert opened == []
        assert "https://example.com/" in said[-1].text
        said[-1].action()
        assert opened == ["https://example.com/"]
        prose.anchorClicked.emit(QUrl("file:///etc/passwd"))
        assert said[-1].action is None
        assert len(opened) == 1


async def test_words_are_changed_in_their_place(qtbot, qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (frame, panel):
        await send(panel, "Hi")
        await activate(frame)
        question = panel.transcript.views[0]
        assert isinstance(question, QuestionView)
        question.edit()
        area = question._editor.area
        qtbot.keyClick(area, Qt.Key.Key_Escape)
        assert question._editor is None
        question.edit()
        area = question._editor.area
        area.setPlainText("Ho")
        qtbot.keyClick(area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        await panel.desk.studio.queue.wait(panel.model.job.value.id)
        assert [view.text for view in panel.transcript.views] == ["Ho", "Hello there."]


async def test_the_list_at_the_side(qtbot, qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (frame, panel):
        studio, rows = panel.desk.studio, panel.list.rows
        tea, coffee = put(studio, "About <b>tea</b>", "Yes."), put(studio, "About coffee", "No.")
        await activate(frame)
        rows.setFocus()
        qtbot.keyClick(rows, Qt.Key.Key_Down)
        assert panel.model.conversation.value.id == coffee.id
        qtbot.keyClick(rows, Qt.Key.Key_Down)
        assert panel.model.conversation.value.id == tea.id
        rows.edit(rows.currentIndex())
        (editor,) = [each for each in rows.findChildren(QWidget) if each.accessibleName() == "Rename"]
        put(studio, "Something new", "meanwhile")
        editor.setText("Tea")
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        await until(lambda: studio.conversations.get(tea.id).title == "Tea")
        assert rows.model().rowCount() == 3
        said: list[Any] = []
        panel.desk.said.connect(said.append)
        rows.setFocus()
        qtbot.keyClick(rows, Qt.Key.Key_Delete)
        assert studio.conversations.get(tea.id) is None
        said[-1].action()
        assert panel.model.conversation.value.id == tea.id
        qtbot.keyClick(rows, Qt.Key.Key_Delete)
        toast = frame.window.toasts
        assert toast.isVisible()
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        qtbot.keyClick(panel, Qt.Key.Key_D, keys)
        assert panel.model.conversation.value.id == tea.id
        assert not toast.isVisible()
        qtbot.keyClick(panel, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        assert panel.model.conversation.value.turns == ()
        qtbot.keyClick(panel, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert frame.window.focusWidget() is panel.list.search
        qtbot.keyClicks(panel.list.search, "coffee")
        assert [row.id for row in rows._model.rows] == [coffee.id]
        menu = rows.menu(rows.model().index(0))
        assert [action.text() for action in menu.actions()] == ["Rename", "Delete"]
        menu.close()


async def test_a_long_conversation_shows_its_end_and_more_on_request(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        words = [f"turn {number}" for number in range(80)]
        panel.model.open(put(panel.desk.studio, *words).id)
        await until(lambda: panel.transcript.drawn)
        assert [view.text for view in panel.transcript.views] == words[-30:]
        bar = panel.transcript.verticalScrollBar()
        await until(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
        panel.transcript._earlier.click()
        assert [view.text for view in panel.transcript.views] == words[-60:]


async def test_a_model_s_answer_says_what_happens_meanwhile(qloop, tmp_path, monkeypatch) -> None:
    jobs = {"Slow": answer(*["word "] * 200, pause=0.01), "": answer("Hello")}
    monkeypatch.setattr(viewmodel, "SURE_SECONDS", 0.2)
    async with window_of(tmp_path, monkeypatch, **jobs) as (_, panel):
        panel.prompt.area.setPlainText("Slow")
        panel.prompt.button.click()
        await until(lambda: "about" in last(panel)._state.text())
        assert panel.model.speed.value > 1
        panel.model.new()
        panel.prompt.area.setPlainText("Next")
        panel.prompt.button.click()
        assert last(panel)._state.text() == "waits its turn"
        assert [row.note for row in panel.list.rows._model.rows] == ["waits its turn", "writing…"]
        panel.desk.studio.queue.cancel_all()
        await until(lambda: all(job.state.ended for job in panel.desk.studio.queue.jobs))


async def test_an_answer_kept_from_last_time_is_offered(qloop, tmp_path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch, Hi=SLOW) as studio:
        model = WriteModel(studio)
        model.prompt.value = "Hi"
        model.send()
        await until(model.written)
        model.close()
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        assert last(panel).text.startswith("word ")
        assert last(panel)._offer is Offer.RESUME
        last(panel)._button.click()
        await panel.desk.studio.queue.wait(panel.model.job.value.id)
        await until(lambda: panel.transcript.drawn)
        assert last(panel).text == "Hello there."


async def test_an_answer_cut_off_by_a_crash_says_so(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        turns = (Turn(role="user", content="Hi"), Turn(role="assistant", content="Hel", job="gone"))
        studio = panel.desk.studio
        kept = studio.conversations.put(msgspec.structs.replace(studio.conversations.new(), turns=turns))
        panel.model.open(kept.id)
        assert last(panel)._state.text() == "interrupted"
        last(panel)._button.click()
        await studio.queue.wait(panel.model.job.value.id)
        assert [view.text for view in panel.transcript.views] == ["Hi", "Hello there."]


async def test_a_use_of_context_that_is_too_much_is_said(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        panel.prompt.area.setPlainText("word " * 4000)
        assert panel.prompt.counter.text() == "about 5,000 of 4,096 tokens: too long"
        tokens = Tokens(prompt=3000, generated=96, per_second=9.0, context=4096)
        turns = (
            Turn(role="user", content="Hi"),
            Turn(role="assistant", content="x", finish="stop", tokens=tokens),
        )
        studio = panel.desk.studio
        panel.prompt.area.clear()
        panel.model.open(
            studio.conversations.put(msgspec.structs.replace(studio.conversations.new(), turns=turns)).id
        )
        assert panel.prompt.counter.text() == "3,096 of 4,096 tokens"


async def test_using_a_result_again_shows_this_panel(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (frame, panel):
        frame.window.go("settings")
        values = {"prompt": "Again", "messages": [], "temperature": 0.1}
        panel.desk.use_again(Request(task="text", family="gguf_text", model="chat", values=values))
        assert frame.window.current.value == "write"
        assert panel.prompt.text() == "Again"
        assert panel.model.form.values()["temperature"] == pytest.approx(0.1)


async def test_a_short_question_cannot_be_pushed_sideways(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (_, panel):
        await send(panel, "Hi")
        await until(lambda: panel.transcript.drawn)
        question = panel.transcript.views[0]
        assert isinstance(question, QuestionView)
        await until(lambda: question._words.width() < 100)
        assert question._words.horizontalScrollBar().maximum() == 0


async def test_a_narrow_window_keeps_room_for_the_text(qloop, tmp_path, monkeypatch) -> None:
    async with window_of(tmp_path, monkeypatch) as (frame, panel):
        assert panel.list.isVisible()
        frame.window.resize(1024, 640)
        await until(lambda: not panel.list.isVisible())
        panel._toggle.click()
        assert panel.list.isVisible()
