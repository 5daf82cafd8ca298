"""What pip is asked for: what the configured index has, else the vendor's, else the default."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from installer.builds import INDEXES, Builds, Index, Wheel, reachable, resolve, size
from installer.machine import Choice

LINES = {"torch": "torch>=2.10,<2.14", "xllamacpp": "xllamacpp>=2026.10"}
CPU = Choice("cpu", ("cpu",))
CUDA = Choice("cuda", (), ("cu132", "cu128"))
ROCM = Choice("rocm", ("rocm7.2",), ("rocm-7.2.4", "vulkan"))


def wheel(version: str, package: str = "torch") -> Wheel:
    local = version.partition("+")[2]
    return {"version": version, "local": local, "url": f"https://example.test/{package}-{version}.whl"}


class Answers:
    """Indexes with set content. Remembers which addresses were asked."""

    def __init__(self, configured: list[Wheel], vendors: dict[str, list[Wheel]] | None = None) -> None:
        self.configured = configured
        self.vendors = vendors or {}
        self.asked: list[str] = []

    def offers(self, _requirement: str, address: str | None) -> list[Wheel]:
        return self.configured if address is None else self.vendors[address]

    def reachable(self, address: str) -> bool:
        self.asked.append(address)
        return address in self.vendors

    def resolve(self, choice: Choice, *, vendors: bool = True) -> Builds:
        return resolve(choice, LINES, Index(self.offers, self.reachable, vendors))


def test_local_build_is_taken_without_asking_a_vendor() -> None:
    index = Answers([wheel("2.13.0+cpu"), wheel("2.13.0"), wheel("2.12.1")])
    found = index.resolve(CPU)
    assert found == Builds("torch==2.13.0+cpu", "xllamacpp>=2026.10", (), ("cpu", "default"))
    assert index.asked == []


def test_vendor_index_is_asked_when_the_configured_one_lacks_the_build() -> None:
    address = INDEXES["torch"]["cpu"]
    index = Answers([wheel("2.13.0")], {address: [wheel("2.13.0+cpu")]})
    found = index.resolve(CPU)
    assert (found.torch, found.extra_indexes) == ("torch==2.13.0+cpu", (address,))


def test_default_when_the_vendor_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    index = Answers([wheel("2.13.0")])
    found = index.resolve(CPU)
    assert (found.torch, found.extra_indexes, found.names[0]) == (LINES["torch"], (), "default")
    assert index.asked == [INDEXES["torch"]["cpu"]]
    assert f"{size('download', 'default')} GB" in capsys.readouterr().err


def test_cuda_does_not_take_the_local_cpu_build() -> None:
    # pip prefers 2.13.0+cpu to 2.13.0, and `==2.13.0` would allow it.
    index = Answers([wheel("2.13.0+cpu"), wheel("2.13.0"), wheel("2.12.1")])
    assert index.resolve(CUDA).torch == "torch===2.13.0"


def test_xllamacpp_comes_by_address_from_the_first_vendor_that_has_it() -> None:
    address = INDEXES["xllamacpp"]["cu128"]
    index = Answers([wheel("2.13.0")], {address: [wheel("2026.10.11549", "xllamacpp")]})
    found = index.resolve(CUDA)
    assert found.xllamacpp == "xllamacpp @ https://example.test/xllamacpp-2026.10.11549.whl"
    assert found.names == ("default", "cu128")


def test_rocm_build_with_a_longer_local_version() -> None:
    address = INDEXES["torch"]["rocm7.2"]
    index = Answers([wheel("2.13.0")], {address: [wheel("2.13.0+rocm7.2.4")]})
    assert index.resolve(ROCM).torch == "torch==2.13.0+rocm7.2.4"
    assert Answers([], {address: [wheel("2.13.0+rocm7.20")]}).resolve(ROCM).torch == LINES["torch"]


def test_no_vendor_is_asked_where_pip_may_use_no_index() -> None:
    index = Answers([wheel("2.13.0")], {INDEXES["torch"]["rocm7.2"]: [wheel("2.13.0+rocm7.2")]})
    assert index.resolve(ROCM, vendors=False).torch == LINES["torch"]
    assert index.asked == []


def test_every_choice_has_its_address_and_size() -> None:
    for build in INDEXES["torch"]:
        assert size("download", build) > 0
        assert size("disk", build) > size("download", build)


def _wheel_file(folder: Path, name: str, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_pip_is_asked_with_its_own_configuration(tmp_path: Path) -> None:
    links, simple = tmp_path / "links", tmp_path / "simple"
    _wheel_file(links, "torch", "2.13.0+cpu")
    for version in ("2.9.0", "2.12.0", "2.13.0", "2.14.0"):
        _wheel_file(simple / "torch", "torch", version)
    (simple / "torch" / "index.html").write_text(
        "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in (simple / "torch").glob("*.whl"))
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": simple.as_uri(),
        "PIP_FIND_LINKS": str(links),
    }
    script = Path(__file__).parents[2] / "installer" / "offers.py"

    def ask(*arguments: str) -> dict[str, list[Wheel]]:
        done = subprocess.run(
            [sys.executable, script, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    found = ask(LINES["torch"])[LINES["torch"]]
    assert [each["version"] for each in found] == ["2.13.0+cpu", "2.13.0", "2.12.0"]
    assert found[0]["local"] == "cpu"
    # One index alone: the find-links of the configuration do not count.
    other = ask(LINES["torch"], "--index", simple.as_uri())[LINES["torch"]]
    assert [each["version"] for each in other] == ["2.13.0", "2.12.0"]
    assert ask("--addresses")["indexes"] == [simple.as_uri()]


def test_reachable_knows_an_answer_from_silence() -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never says a word
    try:
        assert reachable(f"http://user:secret@127.0.0.1:{server.server_port}/simple/")
        assert reachable("file:///anywhere")
        began = time.monotonic()
        assert not reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
        assert time.monotonic() - began < 10
    finally:
        silent.close()
        server.shutdown()
        server.server_close()
    assert not reachable(f"http://127.0.0.1:{server.server_port}/")
