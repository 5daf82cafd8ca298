"""`python -m tests.facts [NAME...]`: write the facts of all known models, or of some, for the manifest."""

from __future__ import annotations

import sys

from studio.domain.cost.packed import pack
from tests.facts.known import KNOWN
from tests.manifest_facts import write

if __name__ == "__main__":
    for name in sys.argv[1:] or KNOWN:
        write(name, pack(KNOWN[name]()))
