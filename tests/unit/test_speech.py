from __future__ import annotations

import pytest

from studio.domain.failure import StudioError
from studio.domain.scripts import language_of
from studio.domain.speech import LINE, PARAGRAPH, SENTENCE, check_language, split


def texts(text: str, longest: int = 300) -> list[str]:
    return [piece.text for piece in split(text, longest)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rains. We stay! Why?", ["It rains.", "We stay!", "Why?"]),
        ("Dr. Smith paid $3.50 to J. K. Rowling.", ["Dr. Smith paid $3.50 to J. K. Rowling."]),
        ('"Why?" she asked. "No." It ended.', ['"Why?" she asked.', '"No."', "It ended."]),
        ("See No. 5 and Fig. 2. Then stop.", ["See No. 5 and Fig. 2.", "Then stop."]),
        (
            "今天很好！我们走吧。“好的。”他说……走了？",
            ["今天很好！", "我们走吧。", "“好的。”", "他说……", "走了？"],
        ),
        ("a wrapped\nline", ["a wrapped line"]),
        ("Title\nThe text.", ["Title", "The text."]),
        ("Hello", ["Hello"]),
        ("... !!! 。。。\n\n*", []),
        ("", []),
    ],
)
def test_a_text_is_cut_at_its_sentences(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_the_pauses_follow_the_text() -> None:
    assert [piece.pause for piece in split("One. Two.\nThree.\n\nFour.")] == [
        SENTENCE,
        LINE,
        PARAGRAPH,
        PARAGRAPH,
    ]


@pytest.mark.parametrize(
    "text", ["word " * 500, "中" * 1000, "one, two; three: " * 100, "。" + "甲，乙" * 300]
)
def test_long_sentences_are_cut_and_nothing_is_lost(text: str) -> None:
    pieces = texts(text, 100)
    assert max(map(len, pieces)) <= 100
    spoken = [c for c in text if c.isalnum()]
    assert [c for piece in pieces for c in piece if c.isalnum()] == spoken
    assert all(piece in text for piece in pieces), "words are not cut where there are spaces"


def test_a_clause_is_cut_before_a_word() -> None:
    assert texts("It was late, and so the two of them went home.", 30)[0] == "It was late,"


def test_a_very_long_text_is_quick() -> None:
    assert len(split("The cat sat on the mat. " * 20_000)) == 20_000


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hello there", "latin"),
        ("你好，世界", "zh"),
        ("我用 iPhone 打电话", "zh"),
        ("こんにちは世界", "ja"),
        ("안녕하세요", "ko"),
        ("Привет", "cyrillic"),
        ("नमस्ते", "devanagari"),
        ("123 !?", None),
    ],
)
def test_the_letters_tell_the_language(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("hello there", ["en"]),
        ("Straße, naïve, ＡＢＣ", ["en-US"]),
        ("π is about 3", ["en"]),
        ("42!", ["en"]),
        ("你好", ["zh-CN"]),
        ("我用 iPhone 打电话", ["zh"]),
        ("你好", ["en", "zh_CN"]),
        ("こんにちは世界", ["ja"]),
        ("Привет", ["rus"]),
        ("你好 hello", []),
    ],
)
def test_a_voice_reads_its_own_languages(text: str, languages: list[str]) -> None:
    check_language(text, languages, name="Voice")


@pytest.mark.parametrize(
    ("text", "languages", "named"),
    [
        ("你好", ["en"], "Chinese"),
        ("He said 好 and left.", ["en"], "Chinese"),
        ("こんにちは世界", ["en"], "Japanese"),
        ("世界のこと", ["en", "zh"], "Japanese"),
        ("The word Привет is Russian.", ["en"], "Cyrillic"),
        ("नमस्ते", ["en"], "Hindi"),
        ("สวัสดี", ["en"], "Thai"),
        ("hello there", ["zh"], "Latin"),
        ("ᠮᠣᠩᠭᠣᠯ", ["en"], "Mongolian"),
    ],
)
def test_a_voice_refuses_what_it_would_spell_out(text: str, languages: list[str], named: str) -> None:
    with pytest.raises(StudioError) as raised:
        check_language(text, languages, name="Voice", voices=["Xiao Ming"])
    failure = raised.value.failure
    assert failure.code == "model.language"
    assert named in failure.message
    assert "Voice" in failure.message
    assert "Xiao Ming" in failure.hint


def test_without_another_voice_it_says_so() -> None:
    with pytest.raises(StudioError) as raised:
        check_language("你好", ["en"], name="Voice")
    assert "none" in raised.value.failure.hint
