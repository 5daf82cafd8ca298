"""Markdown from a model as harmless HTML: no raw HTML, no pictures, links only to the web and to mail."""

from __future__ import annotations

from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml

from studio.app.theme import Tokens

TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol"),
    *("p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
SCHEMES = {"http", "https", "mailto"}

_STYLE = """
p {{ line-height: 145%; margin-top: 0; margin-bottom: 8px; }}
li {{ line-height: 145%; margin-top: 0; margin-bottom: 3px; }}
ul, ol {{ margin-top: 0; margin-bottom: 8px; }}
h1, h2, h3, h4, h5, h6 {{ margin-top: 10px; margin-bottom: 6px; font-weight: 600; }}
h1 {{ font-size: 20px; }} h2 {{ font-size: 18px; }} h3, h4, h5, h6 {{ font-size: 16px; }}
a {{ color: {accent}; text-decoration: underline; }}
code {{ background-color: {raised}; font-family: {mono}; }}
pre {{ background-color: {raised}; font-family: {mono}; margin-top: 0; margin-bottom: 8px; }}
blockquote {{ color: {muted}; margin-left: 16px; margin-right: 16px; }}
table {{ border-collapse: collapse; margin-bottom: 8px; }}
td, th {{ border: 1px solid {border}; padding: 4px 8px; }}
th {{ font-weight: 600; background-color: {raised}; }}
"""


def to_html(source: str) -> str:
    """The HTML of Markdown *source*. A line end is a line end, as models mean it."""
    return nh3.clean(
        _parser().render(source),
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}, "td": {"align"}, "th": {"align"}},
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel=None,
    ).strip()


def style(tokens: Tokens, mono: str) -> str:
    """The style sheet for a text document. *mono*: the family of the font for code."""
    return _STYLE.format(
        accent=tokens.accent,
        raised=tokens.raised,
        muted=tokens.muted,
        border=tokens.border,
        mono=f"'{mono}', monospace",
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("image", _no_image)
    for cell in ("td_open", "th_open"):
        parser.add_render_rule(cell, _cell)
    return parser


def _no_image(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """What a picture shows, in words: nothing is fetched, nothing is opened."""
    del options, env
    return escapeHtml(self.renderInlineAsText(tokens[index].children, None, None) or tokens[index].content)


def _cell(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """The side it is set to as an attribute: a style of its own would cost it the sheet's in Qt."""
    token = tokens[index]
    side = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    if side:
        token.attrs["align"] = side
    return str(self.renderToken(tokens, index, options, env))
