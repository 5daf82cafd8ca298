"""What stands inside a result's file: the request for us, the A1111 text for others, labels for all."""

from __future__ import annotations

import hashlib
import json
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

from studio import __version__
from studio.domain.family import FamilySpec
from studio.domain.infotext import format_infotext
from studio.domain.record import PROGRAM, Record, encode_record
from studio.domain.request import Request
from studio.families.registry import version_of
from studio.wire.messages import Run

SOFTWARE = f"{PROGRAM} {__version__}"
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

XMP = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/">
   <xmp:CreatorTool>{software}</xmp:CreatorTool>
   <Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>{label}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


class Metadata(Struct, frozen=True, kw_only=True):
    """One result's texts. `label` is empty when the user does not want it."""

    record: str
    infotext: str
    label: str

    @property
    def xmp(self) -> str:
        """An XMP packet: made by an algorithm, and the label as TC260 places it."""
        label = f"\n   <TC260:AIGC>{escape(self.label)}</TC260:AIGC>" if self.label else ""
        return XMP.format(software=escape(SOFTWARE), source=DIGITAL_SOURCE_TYPE, label=label)


def describe(run: Run, spec: FamilySpec, *, device: str, index: int, seed: int | None) -> Metadata:
    """The metadata of the result *index* of *run*. The same request gives the same, byte for byte."""
    title = run.model.title or run.model.id if run.model else spec.name
    libraries = {name: version for name in spec.libraries if (version := version_of(name))}
    label = aigc_label(run, index, seed) if run.label else {}
    record = Record(
        request=run.request,
        version=__version__,
        model_title=title,
        device=device,
        precision=run.plan.precision_words,
        libraries=libraries,
        index=index,
        seed=seed,
        label=label,
        terms=run.model.terms if run.model else None,
    )
    return Metadata(
        record=encode_record(record).decode(),
        infotext=format_infotext(
            _with_seed(run.request, seed), model_title=title, model_hash="", version=__version__
        ),
        label=json.dumps(label, ensure_ascii=False, separators=(",", ":")) if label else "",
    )


def _with_seed(request: Request, seed: int | None) -> Request:
    return (
        request if seed is None else msgspec.structs.replace(request, values={**request.values, "seed": seed})
    )


def aigc_label(run: Run, index: int, seed: int | None) -> dict[str, str]:
    """The implicit label of GB 45438-2025: "1" is generated for certain. Nobody has propagated it yet.

    `ProduceID` tells this content from any other of ours; it comes from the request, so that nothing
    about the person or the time is in it.
    """
    content = msgspec.json.encode((run.request, index, seed), order="deterministic")
    return {
        "Label": "1",
        "ContentProducer": PROGRAM,
        "ProduceID": hashlib.sha256(content).hexdigest()[:32],
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
