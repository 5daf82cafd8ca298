"""Markdown from a model: cut into pieces while it comes, and made harmless."""

from __future__ import annotations

import random
import re

import pytest

from studio.app.panels.write.markdown import to_html
from studio.app.panels.write.pieces import ENOUGH, LONGEST, Piece, Pieces

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
