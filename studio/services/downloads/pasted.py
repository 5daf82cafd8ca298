"""What people paste to name a model: an id with a revision or variant, its page, or the address of a file."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from studio.services.downloads import addresses, names

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
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
PREFIX = "modelscope:"
_SEEN = ("tree", "blob", "resolve", "raw", "commit", "file", "files", "summary")


class Pasted(Struct, frozen=True, kw_only=True):
    """A repository `repo` of the hub, or of ModelScope with `modelscope`. `variant`: "" the usual one.

    With `url` one file elsewhere, which `repo` names as HOST/FILE; `sha256`, where it is known.
    """

    repo: str
    revision: str = "main"
    variant: str = ""
    modelscope: bool = False
    url: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """As it is written: `[modelscope:]OWNER/NAME[@REVISION][:VARIANT]`, or the address."""
        if self.url:
            return f"{self.url}#sha256={self.sha256}" if self.sha256 else self.url
        where = PREFIX if self.modelscope else ""
        usual = "master" if self.modelscope else "main"
        revision = "" if self.revision == usual else f"@{self.revision}"
        return f"{where}{self.repo}{revision}" + (f":{self.variant}" if self.variant else "")


def understand(text: str) -> Pasted | None:
    """What *text* names; None for what names no repository and no file that is ever asked for."""
    text = text.strip().strip("<>\"'").removeprefix("git clone ").strip()
    host, path = _address(text)
    if host in HUBS or host in MODELSCOPES:
        return _page(text, path, modelscope=host in MODELSCOPES)
    if host:
        return _file(text)
    found = _NAME.fullmatch(text.removeprefix(PREFIX))
    if found is None:
        return None
    modelscope = text.startswith(PREFIX)
    revision = found["revision"] or ("master" if modelscope else "main")
    variant = found["variant"] or ""
    return Pasted(repo=found["repo"], revision=revision, variant=variant, modelscope=modelscope)


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


def _file(text: str) -> Pasted | None:
    """One file somewhere on the web."""
    try:
        parts = urlsplit(addresses.check(text))
        name = str(names.safe(unquote(parts.path.rpartition("/")[2])))
    except (addresses.AddressError, names.UnsafeNameError):
        return None
    said = _SHA256.fullmatch(parts.fragment)
    if not name.endswith((".safetensors", ".gguf")) or (parts.fragment and not said):
        return None
    url = parts._replace(fragment="").geturl()
    return Pasted(repo=f"{parts.hostname}/{name}", url=url, sha256=said[1].lower() if said else "")


def _page(text: str, path: str, *, modelscope: bool) -> Pasted | None:
    """The page of a repository, or of something in it; `OWNER/NAME:VARIANT` stands there too."""
    words = [word for word in path.split("/") if word]
    while words[:1] in (["api"], ["v1"], ["models"]):
        words = words[1:]
    repo, _, variant = "/".join(words[:2]).removesuffix(".git").partition(":")
    if not _REPO.fullmatch(repo):
        return None
    revision, rest = "master" if modelscope else "main", words[2:]
    if rest[:2] == ["file", "view"]:
        rest = ["blob", *rest[2:]]
    if rest == ["repo"]:  # where ModelScope has the bytes
        asked = parse_qs(urlsplit(text).query)
        revision, variant = asked.get("Revision", ["master"])[0], asked.get("FilePath", [""])[0]
    elif rest and rest[0] in _SEEN and len(rest) > 1:
        revision, file = rest[1], "/".join(rest[2:])
        if rest[0] in ("blob", "resolve", "raw") and file:
            variant = file
    if not _REVISION.fullmatch(revision) or (variant and not _FILE.fullmatch(variant)):
        return None
    return Pasted(repo=repo, revision=revision, variant=variant, modelscope=modelscope)
