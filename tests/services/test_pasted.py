"""What people paste to name a model, and what names none."""

from __future__ import annotations

import pytest

from studio.services.downloads.pasted import Pasted, understand

C = "0123456789abcdef0123456789abcdef01234567"
NAMES = {
    "owner/name": Pasted(repo="owner/name"),
    "  owner/name  ": Pasted(repo="owner/name"),
    "gpt2": Pasted(repo="gpt2"),
    "owner/name@v1.0": Pasted(repo="owner/name", revision="v1.0"),
    "owner/name@refs/pr/6": Pasted(repo="owner/name", revision="refs/pr/6"),
    "owner/name:Q4_K_M": Pasted(repo="owner/name", variant="Q4_K_M"),
    f"owner/name@{C}:fp16": Pasted(repo="owner/name", revision=C, variant="fp16"),
    "https://huggingface.co/owner/name": Pasted(repo="owner/name"),
    "https://huggingface.co/owner/name/": Pasted(repo="owner/name"),
    "huggingface.co/owner/name": Pasted(repo="owner/name"),
    "hf.co/owner/name:Q8_0": Pasted(repo="owner/name", variant="Q8_0"),
    "https://hf-mirror.com/owner/name/tree/main": Pasted(repo="owner/name"),
    "https://huggingface.co/owner/name/tree/v2": Pasted(repo="owner/name", revision="v2"),
    "https://huggingface.co/owner/name/blob/main/a/b.gguf": Pasted(repo="owner/name", variant="a/b.gguf"),
    "https://huggingface.co/owner/name/resolve/main/b.gguf?download=true": Pasted(
        repo="owner/name", variant="b.gguf"
    ),
    f"https://huggingface.co/owner/name/commit/{C}": Pasted(repo="owner/name", revision=C),
    "git clone https://huggingface.co/owner/name.git": Pasted(repo="owner/name"),
    "https://modelscope.cn/models/owner/name": Pasted(repo="owner/name", revision="master", modelscope=True),
    "https://www.modelscope.cn/models/owner/name/summary": Pasted(
        repo="owner/name", revision="master", modelscope=True
    ),
    "https://www.modelscope.cn/models/owner/name/files": Pasted(
        repo="owner/name", revision="master", modelscope=True
    ),
}
NONE = [
    "",
    "two words",
    "../../etc/passwd",
    "/absolute/path",
    "https://example.org/owner/name",
    "https://huggingface.co",
    "https://huggingface.co/owner",
    "https://huggingface.co.evil.org/owner/name",
    "https://huggingface.co@evil.org/owner/name",
    "file:///etc/passwd",
    "https://",
    "https://[::1/owner/name",
    "https://huggingface.co/owner/..%2f..",
    "a/b/c",
    "owner/na me",
]


@pytest.mark.parametrize("text", NAMES)
def test_understood(text: str) -> None:
    assert understand(text) == NAMES[text]


@pytest.mark.parametrize("text", NONE)
def test_not_understood(text: str) -> None:
    assert understand(text) is None


def test_written_as_it_is_read() -> None:
    for pasted in NAMES.values():
        assert understand(pasted.name) == pasted
