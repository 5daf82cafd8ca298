from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.domain.failure import Cancelled, StudioError
from studio.engine.context import Context
from studio.families.transformers_text import streamer
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_text import fast_tokenizer, write_transformers

LONG = "a small red apple " * 2000


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("chat")
    bench = Bench(
        "transformers_text", write_transformers(folder / "tiny", context=20_000), folder / "outputs"
    )
    yield bench
    bench.close()


def test_an_answer_is_streamed_saved_and_counted(chat: Bench) -> None:
    recording = chat.run(prompt="hello", max_tokens=20)
    (artifact,) = recording.artifacts
    assert artifact.text == recording.text == Path(artifact.path).read_text(encoding="utf-8")
    tokens = recording.outcome.tokens
    assert tokens is not None
    assert recording.outcome.finish == "limit"
    assert tokens.generated == 20
    assert tokens.prompt > 5
    assert tokens.per_second > 0
    assert tokens.context == 20_000
    assert set(recording.phases) == set(chat.spec.phases)


@pytest.mark.parametrize(
    "text", ["the quick brown fox", "今天的天气很好，我们一起去公园。" * 20, "naïve 🙂🙃 ok\n" * 30]
)
def test_the_pieces_are_what_the_tokens_say_together(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here every token is a piece, and most characters take several tokens."""
    monkeypatch.setattr(streamer, "INTERVAL", 0.0)
    tokenizer = fast_tokenizer()
    pieces: list[str] = []
    stream = streamer.Streamer(tokenizer, on_read=lambda: None, on_text=pieces.append)
    stream.put(torch.zeros(1, 3))
    for token in tokenizer(text)["input_ids"]:
        stream.put(torch.tensor([token]))
    stream.end()
    assert "".join(pieces) == stream.text == text
    assert len(pieces) > 3
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_are_no_text_do_not_stop_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamer, "INTERVAL", 0.0)
    tokenizer = fast_tokenizer()
    broken = tokenizer.convert_tokens_to_ids("å")  # the first of three bytes
    stream = streamer.Streamer(tokenizer, on_read=lambda: None, on_text=lambda piece: None)
    for token in [0, *[broken] * 100, *tokenizer("the end")["input_ids"]]:
        stream.put(torch.tensor([token]))
    stream.end()
    assert stream.text.endswith("the end")


def test_the_same_seed_writes_the_same_and_another_one_does_not(chat: Bench) -> None:
    first, again, other = (chat.run(prompt="hello", max_tokens=30, seed=seed).text for seed in (5, 5, 6))
    assert first == again != other


def test_every_setting_reaches_the_model(chat: Bench) -> None:
    plain = chat.run(prompt="hello", max_tokens=30).text
    changes: list[dict[str, Any]] = [
        {"temperature": 2.0},
        {"temperature": 0.0},
        {"top_p": 0.01},
        {"top_k": 1},
        {"system": "be brief"},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"mode": "completion"},
    ]
    for change in changes:
        assert chat.run(prompt="hello", max_tokens=30, **change).text != plain, change
    free: dict[str, Any] = {"prompt": "hello", "max_tokens": 30, "temperature": 2.0, "top_k": 0, "top_p": 1.0}
    assert chat.run(**free, repetition_penalty=1.0).text != chat.run(**free, repetition_penalty=2.0).text


def test_the_text_ends_where_the_model_ends_it(chat: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.run(prompt="hello", max_tokens=1)
    ends = list(range(2, 300))  # nearly every token of the vocabulary
    monkeypatch.setattr(chat._pipeline._model.generation_config, "eos_token_id", ends)
    outcome = chat.run(prompt="hello", max_tokens=300, temperature=2.0, top_k=0, top_p=1.0).outcome
    assert outcome.finish == "stop"
    assert outcome.tokens
    assert outcome.tokens.generated < 300


def test_a_base_model_continues_the_text(tmp_path: Path) -> None:
    bench = Bench("transformers_text", write_transformers(tmp_path / "tiny", chat=False), tmp_path)
    recording = bench.run(prompt="the quick brown", max_tokens=8)
    assert recording.outcome.tokens
    assert recording.outcome.tokens.prompt < 8  # no template around it
    with pytest.raises(StudioError, match=r"param\.invalid"):
        bench.run(prompt="hello", mode="chat")


def test_a_template_without_a_system_turn_gets_it_in_the_first_user_turn(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m['content'] }}{% endfor %}"
    )
    bench = Bench("transformers_text", write_transformers(tmp_path / "tiny", template=template), tmp_path)
    alone = bench.run(prompt="hello", max_tokens=2).outcome.tokens
    told = bench.run(prompt="hello", system="be very brief", max_tokens=2).outcome.tokens
    assert alone
    assert told
    assert told.prompt > alone.prompt + 2


@pytest.mark.parametrize(
    ("when", "prompt"),
    [
        (lambda recording: "prompt" in recording.phases, LONG),
        (lambda recording: recording.text, "hello"),
    ],
    ids=["reading", "writing"],
)
def test_cancel_keeps_the_model(chat: Bench, when: Any, prompt: str) -> None:
    chat.run(prompt="hello", max_tokens=1)
    loaded = chat._pipeline._model
    with pytest.raises(Cancelled):
        chat.run(when, prompt=prompt, max_tokens=8000)
    assert chat.last.cancelled_at is not None
    assert chat.last.ended - chat.last.cancelled_at < 2
    assert chat.last.artifacts == []
    assert chat.run(prompt="hello", max_tokens=5).text
    assert chat._pipeline._model is loaded


def test_loading_shows_how_far_it_is_and_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench("transformers_text", write_transformers(tmp_path / "tiny"), tmp_path)
    shown: list[float] = []
    monkeypatch.setattr(Context, "progress", lambda context, fraction: shown.append(fraction))
    bench.run(prompt="hello", max_tokens=1)
    assert len(shown) > 10
    assert shown == sorted(shown)
    assert shown[-1] == 1
    monkeypatch.undo()
    bench.close()
    with pytest.raises(Cancelled):
        bench.run(lambda recording: "load" in recording.phases, prompt="hello")
    assert "prompt" not in bench.last.phases
    assert bench.run(prompt="hello", max_tokens=1).artifacts


def test_a_prompt_that_is_too_long_says_so(tmp_path: Path) -> None:
    bench = Bench("transformers_text", write_transformers(tmp_path / "tiny", context=512), tmp_path)
    with pytest.raises(StudioError) as raised:
        bench.run(prompt=LONG)
    assert raised.value.failure.code == "param.invalid"
    assert "512" in raised.value.failure.details
    recording = bench.run(prompt="hello", max_tokens=5000, seed=3)
    assert recording.outcome.tokens
    assert recording.outcome.tokens.prompt + recording.outcome.tokens.generated <= 512


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model_type": "something_new"}, "model.unrecognized"),
        (
            {
                "model_type": "own",
                "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},
            },
            "model.unrecognized",
        ),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quant.unsupported"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(
    tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    folder = write_transformers(tmp_path / "tiny")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(StudioError) as raised:
        Bench("transformers_text", folder, tmp_path).run(prompt="hello")
    assert raised.value.failure.code == code
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = write_transformers(tmp_path / "tiny")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        Bench("transformers_text", folder, tmp_path).run(prompt="hello")
