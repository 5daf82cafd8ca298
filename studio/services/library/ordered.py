"""Models that the user chose to fetch though the manifest does not list them so.

Any repository's, and another form of a listed one. What was fetched has its record; this is for before.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.domain.cost.packed import PackedFacts
from studio.domain.failure import StudioError
from studio.domain.licence import Licence
from studio.domain.model import Hub, Model, ModelScope
from studio.domain.remote import RemoteModel
from studio.domain.text import LANGUAGES, catalogue
from studio.families.registry import families
from studio.wire import files

log = logging.getLogger(__name__)

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class Ordered(Struct, frozen=True, kw_only=True):
    """`facts` where the manifest has none. `treated`: the user says which family it is; nothing else does."""

    model: Model
    facts: PackedFacts | None = None
    treated: bool = False


class OrderedModels:
    """Remembered in *file*."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.known: dict[str, Ordered] = {}
        try:
            found = msgspec.json.decode(file.read_bytes(), type=list[Ordered])
            self.known = {each.model.id: each for each in found if each.model.family in families()}
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s cannot be read: %s", file, error)

    def add(self, ordered: Ordered) -> None:
        """Raises OSError."""
        self._keep({**self.known, ordered.model.id: ordered})

    def forget(self, model_id: str) -> None:
        """Raises OSError."""
        if model_id in self.known:
            self._keep({key: each for key, each in self.known.items() if key != model_id})

    def _keep(self, known: dict[str, Ordered]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        files.write(self._file, msgspec.json.format(msgspec.json.encode(list(known.values()))))
        self.known = known


def order_of(remote: RemoteModel, licence: Licence, *, treat_as: str = "") -> Ordered:
    """What fetching *remote* means. Raises StudioError `model.unrecognized` where no family is known."""
    name = treat_as or remote.family
    if name not in families():
        raise StudioError("model.unrecognized", name=remote.repo)
    spec = families()[name]
    asks = any(parameter.name == "prompt" for parameter in spec.parameters)
    example = f"models.example.{spec.tasks[0]}"
    words = {language: catalogue(language) for language in LANGUAGES}
    files = tuple(file.path for file in remote.files)
    where: ModelScope | Hub = (
        ModelScope(repo=remote.repo, revision=remote.commit, files=files)
        if remote.modelscope
        else Hub(repo=remote.repo, revision=remote.commit, files=files, variant=remote.variant)
    )
    short = remote.repo.rpartition("/")[2]
    model = Model(
        id=id_of(remote.repo, remote.variant, modelscope=remote.modelscope),
        family=spec.name,
        tasks=spec.tasks,
        title={"en": f"{short} {remote.variant}".rstrip()},
        description={language: known["models.hub.words"] for language, known in words.items()},
        licence=licence,
        sources=(where,),
        files=remote.files,
        bytes=remote.bytes,
        parameters=remote.parameters,
        examples={
            language: (known[example],) for language, known in words.items() if asks and example in known
        },
    )
    return Ordered(model=model, facts=remote.packed, treated=bool(treat_as))


def id_of(repo: str, variant: str, *, modelscope: bool = False) -> str:
    """May stand in a file's name, as every model's id."""
    plain = ("modelscope--" if modelscope else "") + _ODD.sub("-", repo.replace("/", "--"))
    return f"{plain}+{_ODD.sub('-', variant)}" if variant else plain
