"""Conversations are kept, found and deleted; a broken file costs nothing else."""

import msgspec
import pytest

from studio.services.conversations import Conversation, Conversations, Turn
from studio.services.paths import Paths


def _say(conversations: Conversations, words: str) -> Conversation:
    turns = (Turn(role="user", content=words), Turn(role="assistant", content="yes", finish="stop"))
    return conversations.save(msgspec.structs.replace(conversations.new(), turns=turns))


def test_they_survive_a_restart_the_last_used_first(tmp_path):
    paths = Paths.under(tmp_path)
    first = Conversations(paths)
    old, new = _say(first, "about tea"), _say(first, "关于 茶壶 的两句话")

    again = Conversations(paths)
    assert again.recent() == [new, old]
    assert again.get(old.id).messages()[0] == {"role": "user", "content": "about tea"}


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
    Conversations(paths).new()
    assert not list((paths.data).rglob("*.json"))


def test_delete_and_undo(tmp_path):
    conversations = Conversations(Paths.under(tmp_path))
    kept = _say(conversations, "keep me")
    gone = conversations.delete(kept.id)
    assert conversations.recent() == []
    assert Conversations(Paths.under(tmp_path)).recent() == []
    assert conversations.save(gone).turns == kept.turns


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
