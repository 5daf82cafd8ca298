"""What people paste to name a model: an id, an id with a revision or variant, or an address of its page."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

HUBS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
MODELSCOPES = ("modelscope.cn", "www.modelscope.cn", "modelscope.ai", "www.modelscope.ai")

_PART = r"\w[\w.-]{0,95}"
_NAME = re.compile(
    rf"(?P<repo>{_PART}(?:/{_PART})?)"
    r"(?:@(?P<revision>\w[\w./-]{0,199}))?"
    r"(?::(?P<variant>\w.{0,199}))?",
    re.ASCII,
)
_REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"\w[\w./-]{0,199}", re.ASCII)
_FILE = re.compile(r"[\w][^\\:?*\"<>|]{0,199}")
_SEEN = ("tree", "blob", "resolve", "raw", "commit", "file", "files", "summary")


class Pasted(Struct, frozen=True, kw_only=True):
    """A repository `repo` of the hub, or of ModelScope with `modelscope`. `variant`: "" the usual one."""

    repo: str
    revision: str = "main"
    variant: str = ""
    modelscope: bool = False

    @property
    def name(self) -> str:
        """As it is written: `OWNER/NAME[@REVISION][:VARIANT]`, or the address of its page on ModelScope."""
        if self.modelscope:
            page = f"https://{MODELSCOPES[0]}/models/{self.repo}/resolve/{self.revision}"
            return f"{page}/{self.variant}" if self.variant else page
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return f"{self.repo}{revision}" + (f":{self.variant}" if self.variant else "")


def understand(text: str) -> Pasted | None:
    """What *text* names; None for what names no repository."""
    text = text.strip().strip("<>\"'").removeprefix("git clone ").strip()
    host, path = _address(text)
    if host in HUBS or host in MODELSCOPES:
        return _page(path, modelscope=host in MODELSCOPES)
    if host:
        return None
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    revision, variant = found["revision"] or "main", found["variant"] or ""
    return Pasted(repo=found["repo"], revision=revision, variant=variant)


def _address(text: str) -> tuple[str, str]:
    """Host and path of an address, with or without its scheme; no host for anything else."""
    named = text.split("/", 1)[0].lower() in HUBS + MODELSCOPES
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}" if named else "")
        host = parts.hostname or ""
    except ValueError:
        return "?", ""
    if "://" in text and not host:
        return "?", ""
    return host, unquote(parts.path)


def _page(path: str, *, modelscope: bool) -> Pasted | None:
    """The page of a repository, or of something in it; `OWNER/NAME:VARIANT` stands there too."""
    words = [word for word in path.split("/") if word]
    if words[:1] == ["models"] or words[:1] == ["api"]:
        words = words[1:]
    repo, _, variant = "/".join(words[:2]).removesuffix(".git").partition(":")
    if not _REPO.fullmatch(repo):
        return None
    revision, rest = "master" if modelscope else "main", words[2:]
    if rest and rest[0] in _SEEN and len(rest) > 1:
        revision, file = rest[1], "/".join(rest[2:])
        if rest[0] in ("blob", "resolve", "raw") and file:
            variant = file
    if not _REVISION.fullmatch(revision) or (variant and not _FILE.fullmatch(variant)):
        return None
    return Pasted(repo=repo, revision=revision, variant=variant, modelscope=modelscope)
