"""Names from outside: what may become a file below a folder, by the rules of every system at once."""

from __future__ import annotations

import pytest

from studio.services.downloads.names import UnsafeNameError, all_safe, safe

TAKEN = [
    "config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    ".gitattributes",
    "a/b/c/d.txt",
    "模型.gguf",
    "model-00001-of-00002.safetensors",
    "añb",
    "console",
    "a b.txt",
    "x..y",
    "com",
    "lpt10.txt",
    "-rf",
    "~user",
    "%2e%2e",
    "$HOME",
]

REFUSED = [
    "",
    ".",
    "..",
    "../x",
    "a/../x",
    "a/..",
    "./x",
    "a/./b",
    "/x",
    "//x",
    "a//b",
    "a/",
    "/etc/passwd",
    "C:",
    "C:\\x",
    "c:/x",
    "x:y",
    "file.txt:stream",
    "\\\\server\\share",
    "//server/share",
    "a\\b",
    "..\\x",
    "\\x",
    "\\\\?\\C:\\x",
    "\\\\.\\PhysicalDrive0",
    "x\0",
    "x\0.txt",
    "\0",
    "x\n",
    "x\r",
    "x\t",
    "x\x1b[31m",
    "x\x7f",
    "con",
    "CON",
    "con.txt",
    "Con.tar.gz",
    "prn",
    "aux",
    "AUX.json",
    "nul",
    "nul.safetensors",
    "com1",
    "COM9.txt",
    "lpt1",
    "lpt0",
    "com¹",
    "conin$",
    "conout$",
    "a/nul/b",
    "nul .txt",
    "x.",
    "x ",
    "x. ",
    " x",
    "a./b",
    "a /b",
    "...",
    "x*",
    "x?",
    'x"',
    "x<y",
    "x>y",
    "x|y",
    "a/b?c",
    "\u202etxt.exe",
    "a\u202eb",
    "a\u2066b",
    "\u200ex",
    "a\u200bb",
    "a\u2028b",
    "a\u2029b",
    "\ufeffx",
    "a\u00adb",
    "\ud800",
    "x" * 201,
    "é" * 101,
    "/".join(["a"] * 300),
    "a/" * 150 + "x" * 150,
    "x" * 100 + "/" + "y" * 201,
]

CLASHES = [
    ["a", "A"],
    ["x/a.json", "X/a.json"],
    ["straße", "STRASSE"],
    ["é", "e\u0301"],
    ["ﬁle", "file"],
    ["a", "a"],
    ["Model.safetensors", "model.safetensors"],
    ["ａ", "a"],
]


def test_the_list_is_long() -> None:
    assert len(TAKEN) + len(REFUSED) + len(CLASHES) >= 100


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    assert str(safe(name)) == name


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError):
        safe(name)


@pytest.mark.parametrize("names", CLASHES, ids=ascii)
def test_two_that_are_one_file_somewhere(names: list[str]) -> None:
    with pytest.raises(UnsafeNameError):
        all_safe(names)


def test_different_ones_go_together() -> None:
    assert len(all_safe(TAKEN)) == len(TAKEN)
