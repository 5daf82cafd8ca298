"""What a user may type or paste to name a model that is somewhere else."""

from __future__ import annotations

import pytest

from studio.domain.failure import StudioError
from studio.domain.model import Address, Hub, ModelScope
from studio.services.downloads.wanted import Wanted, wanted

SHA = "ab" * 32
HUB, SCOPE = "https://huggingface.co", "https://modelscope.cn"


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ("owner/name", Hub(repo="owner/name")),
        ("  owner/name ", Hub(repo="owner/name")),
        ("gpt9", Hub(repo="gpt9")),
        ("owner/name@v1.0", Hub(repo="owner/name", revision="v1.0")),
        (f"{HUB}/owner/name", Hub(repo="owner/name")),
        ("huggingface.co/owner/name/", Hub(repo="owner/name")),
        (f"{HUB}/owner/name/tree/main", Hub(repo="owner/name")),
        (f"{HUB}/owner/name/tree/abc/unet", Hub(repo="owner/name", revision="abc", files=("unet/*",))),
        (f"{HUB}/owner/name/blob/main/a/b.gguf", Hub(repo="owner/name", files=("a/b.gguf",))),
        (
            f"{HUB}/owner/name/resolve/v2/b.gguf?download=true",
            Hub(repo="owner/name", revision="v2", files=("b.gguf",)),
        ),
        (
            f"{HUB}/owner/name/resolve/refs/pr/7/b.gguf",
            Hub(repo="owner/name", revision="refs/pr/7", files=("b.gguf",)),
        ),
        (f"{HUB}/owner/name/blob/main/a%20%5Bb%5D.gguf", Hub(repo="owner/name", files=("a [[]b].gguf",))),
        ("https://hf-mirror.com/owner/name", Hub(repo="owner/name")),
        ("https://mirror.example/owner/name/resolve/main/x.gguf", Hub(repo="owner/name", files=("x.gguf",))),
        ("modelscope:owner/name@v1", ModelScope(repo="owner/name", revision="v1")),
        (f"{SCOPE}/models/owner/name", ModelScope(repo="owner/name")),
        ("https://www.modelscope.cn/models/owner/name/files", ModelScope(repo="owner/name")),
        (
            f"{SCOPE}/models/owner/name/resolve/v1/b/c.gguf",
            ModelScope(repo="owner/name", revision="v1", files=("b/c.gguf",)),
        ),
        (
            f"{SCOPE}/models/owner/name/file/view/master/c.gguf?status=2",
            ModelScope(repo="owner/name", files=("c.gguf",)),
        ),
        (
            f"{SCOPE}/api/v1/models/owner/name/repo?Revision=v3&FilePath=b%2Fc.gguf",
            ModelScope(repo="owner/name", revision="v3", files=("b/c.gguf",)),
        ),
        (
            "https://files.example/x/model.safetensors?key=1",
            Address(url="https://files.example/x/model.safetensors?key=1", path="model.safetensors"),
        ),
        (
            f"https://files.example/model.gguf#sha256={SHA.upper()}",
            Address(url="https://files.example/model.gguf", path="model.gguf", sha256=SHA),
        ),
        ("http://127.0.0.1:9/a.gguf", Address(url="http://127.0.0.1:9/a.gguf", path="a.gguf")),
    ],
)
def test_understood(words: str, source: Hub | ModelScope | Address) -> None:
    assert wanted(words, ["https://mirror.example"]) == Wanted(source=source)


@pytest.mark.parametrize("words", ["owner/name:Q4_K_M", "modelscope:owner/name:Q4_K_M"])
def test_a_variant(words: str) -> None:
    assert wanted(words).variant == "Q4_K_M"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", "address.unclear"),
        ("a b", "address.unclear"),
        ("../etc", "address.unclear"),
        ("owner/name/more", "address.unclear"),
        ("模型", "address.unclear"),
        (f"{HUB}/datasets/owner/name", "address.unclear"),
        (f"{HUB}/owner", "address.unclear"),
        (f"{HUB}/owner/name/blob/main/../../x", "address.unclear"),
        (f"{HUB}/owner/name/commits/main", "address.unclear"),
        (f"{SCOPE}/datasets/owner/name", "address.unclear"),
        ("https://files.example/", "address.unclear"),
        ("https://files.example/model", "address.unclear"),
        ("https://files.example/con.gguf", "address.unclear"),
        ("https://files.example/a.gguf#page=2", "address.unclear"),
        ("http://files.example/a.gguf", "address.refused"),
        ("ftp://files.example/a.gguf", "address.refused"),
        ("file:///etc/passwd.txt", "address.refused"),
        ("https://me:hunter2@files.example/a.gguf", "address.refused"),
    ],
)
def test_refused_in_words(words: str, code: str) -> None:
    with pytest.raises(StudioError) as caught:
        wanted(words)
    failure = caught.value.failure
    assert failure.code == code
    assert failure.hint
    assert "hunter2" not in failure.message + failure.details
