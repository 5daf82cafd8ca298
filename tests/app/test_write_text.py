"""Markdown from a model: cut into pieces while it comes, and made harmless."""

from __future__ import annotations

import random
import re

import pytest

from studio.app.panels.write import pieces as pieces_module
from studio.app.panels.write.markdown import to_html
from studio.app.panels.write.pieces import ENOUGH, LONGEST, PLACE, TABLE, Piece, Pieces

TAG = r"</?(a|p|br|pre|code|em|strong|table|thead|tbody|tr|td|th)( href=\"(https?|mailto):[^\"<>]*\")?>"

SAMPLE = """# Tea

A *short* guide.

1. Boil:
   ```bash
   kettle --on
     --now
   ```
2. Pour.

| a | b |
|---|---|
| 1 | 2 |

~~~
```
~~~
End"""


def fed(text: str, sizes: int) -> Pieces:
    pieces = Pieces()
    chance, at = random.Random(sizes), 0
    while at < len(text):
        step = chance.randint(1, sizes)
        pieces.feed(text[at : at + step])
        at += step
    pieces.finish()
    return pieces


def test_code_is_cut_out_with_its_language_and_without_its_indentation() -> None:
    assert fed(SAMPLE, 1).done == [
        Piece("# Tea\n\nA *short* guide.\n\n1. Boil:\n"),
        Piece("kettle --on\n  --now\n", code=True, language="bash"),
        Piece("2. Pour.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"),
        Piece("```\n", code=True),
        Piece("End\n"),
    ]


@pytest.mark.parametrize("sizes", [2, 5, 17, 400])
def test_how_the_text_comes_makes_no_difference(sizes: int) -> None:
    assert fed(SAMPLE, sizes).done == fed(SAMPLE, 1).done


def test_what_is_told_as_unchanged_is() -> None:
    pieces = Pieces()
    shown: list[tuple[str, bool]] = []
    for letter in SAMPLE * 3:
        first = pieces.feed(letter)
        now = [(piece.source, piece.code) for piece in pieces.done]
        assert now[:first] == shown[:first]
        shown = now


def test_the_rest_is_plain_until_its_block_is_finished() -> None:
    pieces = Pieces()
    assert pieces.feed("A **bo") == 0
    assert (pieces.done, pieces.tail) == ([], "A **bo")
    pieces.feed("ld** word.\n\n")
    assert pieces.tail == "A **bold** word.\n\n"
    assert pieces.feed("Next\n") == 0
    assert pieces.done == [Piece("A **bold** word.\n\n")]
    assert pieces.tail == "Next\n"


def test_an_open_fence_grows_by_lines() -> None:
    pieces = Pieces()
    pieces.feed("```py\nx = 1\ny")
    assert pieces.done == [Piece("x = 1\n", code=True, language="py")]
    assert pieces.tail == ""
    assert pieces.feed(" = 2\n") == 0
    pieces.finish()
    assert pieces.done[0].source == "x = 1\ny = 2\n"


def test_a_loose_list_stays_one_list_and_a_long_one_is_cut_between_items() -> None:
    assert len(fed("1. a\n\n2. b\n\n   more of b\n\n3. c\n", 3).done) == 1
    item = "- " + "word " * 40 + "\n"
    pieces = fed(item * 60, 50).done
    assert len(pieces) > 4
    assert all(piece.source.startswith("- ") for piece in pieces)
    assert all(len(piece.source) < ENOUGH + 2 * len(item) for piece in pieces)


def test_a_long_table_is_cut_between_rows_and_each_part_has_its_head() -> None:
    head = "| a | b |\n|---|--:|\n"
    rows = [f"| {number} | word |\n" for number in range(1000)]
    parts = [piece.source for piece in fed(head + "".join(rows), 50).done]
    assert len(parts) > 5
    assert all(part.startswith(head) for part in parts)
    assert "".join(part.removeprefix(head) for part in parts).split() == "".join(rows).split()
    assert all(len(part.splitlines()) < TABLE // PLACE for part in parts)


def test_what_follows_a_table_that_was_cut_at_its_end_gets_no_head() -> None:
    head, row = "| a |\n|---|\n", "| " + "word " * (TABLE // 10) + "|\n"
    for after in ("# One | two\n", "```\na | b\n```\n", "\none | two\n"):
        pieces = fed(head + row * 2 + after + "x | y\n", 50).done
        assert sum(piece.source.count(head) for piece in pieces) == 1 + (after[0] not in "#`\n")


FEW, SMALL = 20, 320
LONG = {
    "list": "- **an item** of some words\n",
    "short items": "- ab\n",
    "loose list": "1. an item\n\n",
    "table": "| one | two | three |\n",
    "paragraph": "no end of words ",
}


def drawing(text: str) -> tuple[float, int]:
    """How often each part of *text* was drawn while it came, and the most lines and cells at once."""
    pieces, drawn, most = Pieces(), 0, 0
    for at in range(0, len(text), 5):
        for piece in pieces.done[pieces.feed(text[at : at + 5]) :]:
            drawn += len(piece.source)
            most = max(most, piece.source.count("\n") + piece.source.count("|"))
    return drawn / len(text), most


@pytest.mark.parametrize("kind", LONG)
def test_a_long_text_is_drawn_in_small_pieces(kind: str) -> None:
    text = ("| a | b | c |\n|---|---|---|\n" if kind == "table" else "") + LONG[kind] * 1500
    often, most = drawing(text)
    assert often < FEW
    assert most < SMALL


@pytest.mark.parametrize("kind", ["list", "short items", "loose list", "table"])
def test_drawing_it_whole_would_be_seen(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENOUGH", "LONGEST", "TABLE"):
        monkeypatch.setattr(pieces_module, name, 10**9)
    text = ("| a | b | c |\n|---|---|---|\n" if kind == "table" else "") + LONG[kind] * 1500 + "\nEnd.\n"
    often, most = drawing(text)
    assert often > 2 * FEW or most > 2 * SMALL


def test_a_text_without_any_end_is_cut_at_a_word() -> None:
    words = "word " * 4000
    pieces = fed(words, 30).done
    assert all(len(piece.source) <= LONGEST + 1 for piece in pieces)
    assert "".join(piece.source for piece in pieces).split() == words.split()
    han = fed("天" * 9000, 30).done
    assert sum(piece.source.count("天") for piece in han) == 9000


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](file:///etc/passwd)",
        "![x](https://example.com/track.png)",
        "[x](javascript:alert(1))",
        "[x](file:///etc/passwd)",
        "[x](data:text/html,hi)",
        "[x](vbscript:x)",
        "<a href='file:///'>x</a>",
        '<https://example.com/"onclick=alert(1)>',
        "[x]: file:///etc/passwd\n\n[x]",
        "<svg/onload=alert(1)>",
        "```html\n<b onclick=x>\n```",
        "[x](JaVaScRiPt:alert(1))",
        "[x](//example.com/a) [y](b.html) [z](#c)",
        "&lt;script&gt;",
        "| <b> |\n|-|\n| <i style='x'> |",
    ],
)
def test_nothing_but_words_gets_through(evil: str) -> None:
    html = to_html(evil)
    for tag in re.findall(r"<[^>]*>", html):
        assert re.fullmatch(TAG, tag), html


def test_what_markdown_means_is_kept() -> None:
    assert to_html("two\nlines") == "<p>two<br>\nlines</p>"
    assert to_html("7. x") == '<ol start="7">\n<li>x</li>\n</ol>'
    assert '<td align="right">1</td>' in to_html("|a|\n|-:|\n|1|")
    assert to_html("![a *cat*](x.png) ~~no~~") == "<p>a cat <s>no</s></p>"
    assert to_html("[x](https://example.com/?a=1&b=2)") == (
        '<p><a href="https://example.com/?a=1&amp;b=2">x</a></p>'
    )
