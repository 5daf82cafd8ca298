"""Conversations are kept, found and deleted; a broken file costs nothing else."""

import msgspec
import pytest

from studio.services.conversations import Conversation, Conversations, Turn, messages
from studio.services.paths import Paths


def _say(conversations: Conversations, words: str) -> Conversation:
    turns = (Turn(role="user", content=words), Turn(role="assistant", content="yes", finish="stop"))
    kept = conversations.put(msgspec.structs.replace(conversations.new(), turns=turns))
    conversations.flush()
    return kept


def test_they_survive_a_restart_the_last_used_first(tmp_path):
    paths = Paths.under(tmp_path)
    first = Conversations(paths)
    old, new = _say(first, "about tea"), _say(first, "关于 茶壶 的两句话")

    again = Conversations(paths)
    assert again.recent() == [new, old]
    assert messages(again.get(old.id).turns)[0] == {"role": "user", "content": "about tea"}


def test_what_one_side_said_in_several_goes_is_one_message():
    turns = [Turn(role="user", content="Once"), *(Turn(role="assistant", content=c) for c in (" upon", " a"))]
    assert messages(turns) == [
        {"role": "user", "content": "Once"},
        {"role": "assistant", "content": " upon a"},
    ]


def test_search_needs_every_word(tmp_path):
    conversations = Conversations(Paths.under(tmp_path))
    tea = _say(conversations, "About Tea and milk")
    _say(conversations, "about coffee")
    assert conversations.recent("tea about") == [tea]
    assert conversations.recent("tea sugar") == []


def test_a_title_is_the_first_words_on_one_line(tmp_path):
    conversations = Conversations(Paths.under(tmp_path))
    assert _say(conversations, "one\n two").title == "one two"
    long = _say(conversations, "x" * 200).title
    assert len(long) == 60
    assert long.endswith("…")


def test_an_empty_one_leaves_no_file(tmp_path):
    paths = Paths.under(tmp_path)
    conversations = Conversations(paths)
    conversations.new()
    conversations.flush()
    assert not list((paths.data).rglob("*.json"))


def test_delete_and_undo(tmp_path):
    paths = Paths.under(tmp_path)
    conversations = Conversations(paths)
    kept = _say(conversations, "keep me")
    gone = conversations.delete(kept.id)
    conversations.flush()
    assert conversations.recent() == []
    assert Conversations(paths).recent() == []
    assert conversations.put(gone, touch=False) == kept
    conversations.flush()
    assert Conversations(paths).recent() == [kept]


def test_what_could_not_be_written_is_written_next_time(tmp_path):
    paths = Paths.under(tmp_path)
    conversations = Conversations(paths)
    in_the_way = paths.data / "conversations"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="conversations"):
        _say(conversations, "keep me")
    assert conversations.unsaved
    in_the_way.unlink()
    conversations.flush()
    assert Conversations(paths).recent() == conversations.recent()


@pytest.mark.logs
def test_a_broken_file_is_kept_aside(tmp_path):
    paths = Paths.under(tmp_path)
    good = _say(Conversations(paths), "good")
    broken = paths.data / "conversations" / "0.json"
    broken.write_bytes(b"{nonsense")
    assert Conversations(paths).recent() == [good]
    assert next(broken.parent.glob("0.broken-*")).read_bytes() == b"{nonsense"
    assert Conversations(paths).recent() == [good]
    assert len(list(broken.parent.iterdir())) == 2
