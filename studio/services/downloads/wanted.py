"""What the user means who names a model somewhere: an id, a page of a hub, or a file's address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import Address, Hub, ModelScope
from studio.services.downloads import addresses, names
from studio.services.downloads.route import HUB, HUB_MIRROR, MODELSCOPE

_REPO = r"\w[\w.-]{0,95}/\w[\w.-]{0,95}"
_NAME = re.compile(
    rf"(?P<repo>{_REPO}|\w[\w.-]{{0,95}})(?:@(?P<revision>\w[\w./-]{{0,199}}))?(?::(?P<variant>\w.{{0,199}}))?",
    re.ASCII,
)
_HUB_PATH = re.compile(rf"(?P<repo>{_REPO})(?:/(?P<what>tree|blob|resolve|raw)/(?P<rest>.+))?", re.ASCII)
_MODELSCOPE_PATH = re.compile(
    rf"(?:api/v1/)?models/(?P<repo>{_REPO})(?:/(?P<what>file/view|resolve|repo|files|summary)(?:/(?P<rest>.*))?)?",
    re.ASCII,
)
_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"})
_MODELSCOPE_HOSTS = frozenset({"modelscope.cn", "www.modelscope.cn"})
_NO_MODELS = frozenset(
    {"datasets", "spaces", "docs", "blog", "api", "models", "collections", "papers", "join"}
)
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
PREFIX = "modelscope:"


class Wanted(Struct, frozen=True, kw_only=True):
    """`variant` as in `RemoteModel`, "" the usual one."""

    source: Hub | ModelScope | Address
    variant: str = ""


def wanted(words: str, hubs: Iterable[str] = ()) -> Wanted:
    """The source that *words* name. *hubs*: further addresses that speak the hub's protocol.

    `OWNER/NAME[@REVISION][:VARIANT]`, the same behind `modelscope:`; the address of a repository, of a
    file in one ("blob", "resolve"), of any other file, with `#sha256=...` where that is known.
    Raises StudioError: `address.unclear` for none of these, `address.refused` for what is never asked.
    """
    words = words.strip()
    if "://" not in words:
        host, _, rest = words.partition("/")
        if rest and host.lower() in _HUB_HOSTS | _MODELSCOPE_HOSTS:
            words = f"https://{words}"
        elif words.startswith(PREFIX):
            return _named(words.removeprefix(PREFIX), on_modelscope=True)
        else:
            return _named(words, on_modelscope=False)
    try:
        addresses.check(words)
    except addresses.AddressError as error:
        shown = re.sub(r"//[^/@]*@", "//", words)  # not its password
        raise StudioError("address.refused", address=shown, details=str(error)) from error
    parts = urlsplit(words)
    if parts.hostname in _HUB_HOSTS or any(
        addresses.same_host(words, hub) for hub in (HUB, HUB_MIRROR, *hubs)
    ):
        return _on_hub(words, parts)
    if parts.hostname in _MODELSCOPE_HOSTS or addresses.same_host(words, MODELSCOPE):
        return _on_modelscope(words, parts)
    return Wanted(source=_file(words, parts))


def _named(words: str, *, on_modelscope: bool) -> Wanted:
    found = _NAME.fullmatch(words)
    if not found:
        raise StudioError("address.unclear", address=words)
    repo, revision, variant = found["repo"], found["revision"], found["variant"] or ""
    if on_modelscope:
        return Wanted(source=ModelScope(repo=repo, revision=revision or "master"), variant=variant)
    return Wanted(source=Hub(repo=repo, revision=revision or "main"), variant=variant)


def _on_hub(words: str, parts: SplitResult) -> Wanted:
    found = _HUB_PATH.fullmatch(unquote(parts.path).strip("/"))
    if not found or found["repo"].partition("/")[0] in _NO_MODELS:
        raise StudioError("address.unclear", address=words)
    if not found["rest"]:
        return Wanted(source=Hub(repo=found["repo"]))
    revision, _, path = _revision(found["rest"])
    if found["what"] == "tree" or not path:
        files = (f"{_literal(path, words)}/*",) if path else ("*",)
        return Wanted(source=Hub(repo=found["repo"], revision=revision, files=files))
    return Wanted(source=Hub(repo=found["repo"], revision=revision, files=(_literal(path, words),)))


def _on_modelscope(words: str, parts: SplitResult) -> Wanted:
    found = _MODELSCOPE_PATH.fullmatch(unquote(parts.path).strip("/"))
    if not found:
        raise StudioError("address.unclear", address=words)
    asked = parse_qs(parts.query)
    revision, path = asked.get("Revision", ["master"])[0], asked.get("FilePath", [""])[0]
    if found["what"] in ("file/view", "resolve") and found["rest"]:
        revision, _, path = _revision(found["rest"])
    files = (_literal(path, words),) if path else ("*",)
    return Wanted(source=ModelScope(repo=found["repo"], revision=revision, files=files))


def _revision(rest: str) -> tuple[str, str, str]:
    """A revision and what follows it; those of pull requests have slashes of their own."""
    found = re.match(r"(refs/(?:pr|convert)/[\w.-]+)(?:/(.*))?$", rest)
    return (found[1], "/", found[2] or "") if found else rest.partition("/")


def _literal(path: str, words: str) -> str:
    """*path* as a pattern for itself."""
    try:
        path = str(names.safe(path))
    except names.UnsafeNameError as error:
        raise StudioError("address.unclear", address=words, details=str(error)) from error
    return re.sub(r"([\[*?])", r"[\1]", path)


def _file(words: str, parts: SplitResult) -> Address:
    name = unquote(parts.path.rpartition("/")[2])
    if "." not in name.strip("."):
        raise StudioError("address.unclear", address=words)
    _literal(name, words)
    said = _SHA256.fullmatch(parts.fragment)
    if parts.fragment and not said:
        raise StudioError("address.unclear", address=words)
    url = parts._replace(fragment="").geturl()
    return Address(url=url, path=name, sha256=said[1].lower() if said else None)
