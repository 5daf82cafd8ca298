"""A language model with fewer layers, heads or inner channels: the same architecture with other numbers."""

from __future__ import annotations

from typing import Any

import torch

from studio.workshop import perplexity
from studio.workshop.making import Making

SAMPLE = 128  # tokens of each text by which layers are judged


def without_layers(made: Making, model: Any, amount: float) -> Any:
    """Those go whose output is most like their input, on the bundled texts; the first and last stay."""
    layers = model.model.layers
    gone = min(round(amount * len(layers)), len(layers) - 2)
    if gone < 1:
        raise made.impossible("workshop.reason.few_layers")
    alike = _alike(made, model)
    order = sorted(range(1, len(layers) - 1), key=lambda n: -alike[n])
    kept = sorted(set(range(len(layers))) - set(order[:gone]))
    state = {}
    for name, value in model.state_dict().items():
        if not name.startswith("model.layers."):
            state[name] = value
            continue
        _, _, number, rest = name.split(".", 3)
        if int(number) in kept:
            state[f"model.layers.{kept.index(int(number))}.{rest}"] = value
    kinds = getattr(model.config, "layer_types", None)
    changes: dict[str, Any] = {"num_hidden_layers": len(kept)}
    if kinds:
        changes["layer_types"] = [kinds[n] for n in kept]
    return _rebuilt(model, state, changes)


def without_heads(made: Making, model: Any, amount: float) -> Any:
    """In each layer, the groups of heads go that weigh least in what it says; keys and values with them.

    As many as come nearest to *amount*: transformers wants the width to be a multiple of the heads.
    """
    config = model.config
    groups = config.num_key_value_heads or config.num_attention_heads
    each = config.num_attention_heads // groups
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    possible = [n for n in range(1, groups) if config.hidden_size % (n * each) == 0]
    if not possible:
        raise made.impossible("workshop.reason.few_heads")
    left = min(possible, key=lambda n: abs(n - groups * (1 - amount)))
    state = dict(model.state_dict())
    for number, layer in enumerate(model.model.layers):
        made.context.check_cancelled()
        out = layer.self_attn.o_proj.weight
        weight = out.reshape(out.shape[0], groups, -1).norm(dim=(0, 2))
        weight = weight * layer.self_attn.v_proj.weight.reshape(groups, -1).norm(dim=1)
        kept = weight.topk(left).indices.sort().values
        place = f"model.layers.{number}.self_attn."
        for name, size in (("q_proj", each * width), ("k_proj", width), ("v_proj", width)):
            for kind in ("weight", "bias"):
                key = f"{place}{name}.{kind}"
                if key in state:
                    rows = state[key].reshape(groups, size, *state[key].shape[1:])
                    state[key] = rows[kept].reshape(-1, *state[key].shape[1:])
        key = f"{place}o_proj.weight"
        columns = state[key].reshape(state[key].shape[0], groups, each * width)
        state[key] = columns[:, kept].reshape(state[key].shape[0], -1)
    changes = {"num_attention_heads": left * each, "num_key_value_heads": left, "head_dim": width}
    return _rebuilt(model, state, changes)


def without_channels(made: Making, model: Any, amount: float) -> Any:
    """In each layer, the inner channels go that are read, gated and written with the smallest weights."""
    inner = model.config.intermediate_size
    left = max(32, round(inner * (1 - amount) / 32) * 32)  # GGUF takes them by 32
    if left >= inner:
        raise made.impossible("workshop.reason.few_channels")
    state = dict(model.state_dict())
    for number, layer in enumerate(model.model.layers):
        made.context.check_cancelled()
        up, gate, down = (getattr(layer.mlp, f"{name}_proj").weight for name in ("up", "gate", "down"))
        importance = up.norm(dim=1) * gate.norm(dim=1) * down.norm(dim=0)
        kept = importance.topk(left).indices.sort().values
        place = f"model.layers.{number}.mlp."
        for name in ("up_proj.weight", "gate_proj.weight", "up_proj.bias", "gate_proj.bias"):
            if f"{place}{name}" in state:
                state[f"{place}{name}"] = state[f"{place}{name}"][kept]
        state[f"{place}down_proj.weight"] = down[:, kept]
    return _rebuilt(model, state, {"intermediate_size": left})


WAYS = {"layers": without_layers, "heads": without_heads, "channels": without_channels}


@torch.no_grad()
def _alike(made: Making, model: Any) -> list[float]:
    """Of each layer, how much its output is its input: the cosine over the bundled texts."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(made.path), local_files_only=True, trust_remote_code=False)
    sums = [0.0] * len(model.model.layers)
    for texts in perplexity.texts().values():
        made.context.check_cancelled()
        ids = tokenizer(texts[1], return_tensors="pt")["input_ids"][:, :SAMPLE]
        states = model(input_ids=ids, output_hidden_states=True).hidden_states
        for number in range(len(sums)):
            alike = torch.nn.functional.cosine_similarity(states[number], states[number + 1], dim=-1)
            sums[number] += float(alike.mean())
    return sums


def _rebuilt(model: Any, state: dict[str, Any], changes: dict[str, Any]) -> Any:
    config = type(model.config).from_dict({**model.config.to_dict(), **changes})
    slim = type(model)(config)
    tied = getattr(config, "tie_word_embeddings", False)
    missing, unknown = slim.load_state_dict(
        {k: v.clone() for k, v in state.items() if not (tied and k == "lm_head.weight")}, strict=False
    )
    assert not unknown, unknown
    assert all(name == "lm_head.weight" for name in missing), missing
    slim.tie_weights()
    return slim.eval()
