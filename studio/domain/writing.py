"""What every family that writes text has in common: its choices, and the turns that a request means."""

from __future__ import annotations

from typing import Any

from studio.domain.failure import StudioError
from studio.domain.parameter import Choice, Conversation, Integer, Number, Parameter, Seed, Text

AUTO, CHAT, COMPLETION = "auto", "chat", "completion"

PARAMETERS: tuple[Parameter, ...] = (
    Text(name="prompt", required=True, multiline=True, hidden=True),
    Conversation(),
    Text(name="system", multiline=True),
    Integer(name="max_tokens", default=1024, minimum=1, maximum=32_768, presets=(256, 1024, 4096)),
    Number(name="temperature", default=0.7, minimum=0.0, maximum=2.0, step=0.05),
    Number(name="top_p", default=0.9, minimum=0.01, maximum=1.0, step=0.01, advanced=True),
    Integer(name="top_k", default=40, minimum=0, maximum=1000, advanced=True),
    Number(name="repetition_penalty", default=1.1, minimum=1.0, maximum=2.0, step=0.01, advanced=True),
    Seed(),
    Choice(name="mode", default=AUTO, choices=(AUTO, CHAT, COMPLETION), advanced=True),
)


def turns(values: dict[str, Any], *, chat: bool, name: str) -> list[dict[str, str]] | None:
    """The conversation to answer, oldest turn first; None when the text is to be continued instead.

    `chat`: whether the model, titled *name*, has a chat template. Mode "auto" converses if it has
    one. Raises StudioError `param.invalid` for a conversation with a model that cannot hold one.
    """
    mode = values["mode"]
    if mode == COMPLETION or (mode == AUTO and not chat):
        return None
    if not chat:
        raise StudioError(
            "param.invalid", name="parameter.mode", reason="parameter.mode.no_chat", details=name
        )
    system = [{"role": "system", "content": values["system"]}] if values["system"].strip() else []
    return [*system, *values["messages"], {"role": "user", "content": values["prompt"]}]


def beginning(values: dict[str, Any]) -> str:
    """The text to continue: everything said so far, as one piece."""
    return "".join(turn["content"] for turn in values["messages"]) + values["prompt"]
