"""Choices that families which draw have in common."""

from __future__ import annotations

from studio.domain.parameter import Choice, Integer, Text

PROMPT = Text(name="prompt", required=True, multiline=True, hidden=True)
NEGATIVE = Text(name="negative", multiline=True)
COUNT = Integer(name="count", default=1, minimum=1, maximum=16, presets=(1, 4, 8, 16))
SCHEDULER = Choice(
    name="scheduler",
    default="dpmpp_2m_karras",
    choices=("dpmpp_2m_karras", "dpmpp_2m", "unipc", "euler", "euler_a", "ddim", "pndm", "lcm"),
    advanced=True,
)
