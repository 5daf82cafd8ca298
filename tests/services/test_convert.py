"""A checkpoint becomes safetensors bit for bit, and a hostile one does nothing at all.

Every hostile one would leave a canary file if anything in it ran; the first test shows that the
canary works, by letting Python unpickle one in a process without our locks.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import importlib
import io
import marshal
import operator
import os
import pickle
import runpy
import shutil
import socket
import struct
import subprocess
import sys
import types
import urllib.request
import webbrowser
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.domain.failure import StudioError
from studio.domain.model import Conversion
from studio.services.library import convert as conversion
from studio.services.library.convert import CheckpointError, to_safetensors
from tests.fakes.model_files import checkpoint, pickled_tensor


class Calls:
    """Pickles as a call of *function* with *arguments*."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def refused(source: Path) -> str:
    target = source.with_name("out.safetensors")
    with pytest.raises(CheckpointError) as caught:
        to_safetensors(source, target)
    assert not target.exists()
    assert not list(source.parent.glob("*.part"))
    return str(caught.value)


# --- what would run -----------------------------------------------------------------------------


def payloads(canary: Path) -> dict[str, Any]:
    """Ways to make a pickle run something; each would make *canary* if it did."""
    touch, source = f"touch '{canary}'", f"open({str(canary)!r}, 'w').close()"
    code = compile(source, "x", "exec")
    return {
        "os.system": Calls(os.system, touch),
        "os.popen": Calls(os.popen, touch),
        "os.execv": Calls(os.execv, "/bin/sh", ["sh", "-c", touch]),
        "os.mkdir": Calls(os.mkdir, str(canary)),
        "os.open": Calls(os.open, str(canary), os.O_CREAT),
        "subprocess.Popen": Calls(subprocess.Popen, ["sh", "-c", touch]),
        "subprocess.check_output": Calls(subprocess.check_output, touch),
        "builtins.eval": Calls(builtins.eval, source),
        "builtins.exec": Calls(builtins.exec, source),
        "builtins.open": Calls(builtins.open, str(canary), "w"),
        "builtins.__import__": Calls(builtins.__import__, "antigravity"),
        "builtins.getattr": Calls(builtins.getattr, "x", "join"),
        "builtins.compile": Calls(builtins.compile, source, "x", "exec"),
        "builtins.map": Calls(builtins.map, os.system, [touch]),
        "builtins.type": Calls(builtins.type, "X", (), {}),
        "importlib.import_module": Calls(importlib.import_module, "this"),
        "runpy.run_path": Calls(runpy.run_path, str(canary)),
        "socket.create_connection": Calls(socket.create_connection, ("127.0.0.1", 9)),
        "urllib.request.urlopen": Calls(urllib.request.urlopen, "http://127.0.0.1:9/"),
        "urllib.request.urlretrieve": Calls(urllib.request.urlretrieve, "file:///etc/hosts", str(canary)),
        "webbrowser.open": Calls(webbrowser.open, "http://127.0.0.1:9/"),
        "shutil.copyfile": Calls(shutil.copyfile, __file__, str(canary)),
        "pickle.loads": Calls(pickle.loads, pickle.dumps(Calls(os.system, touch))),
        "marshal.loads": Calls(marshal.loads, marshal.dumps(code)),
        "ctypes.CDLL": Calls(ctypes.CDLL, None),
        "functools.partial": Calls(functools.partial, os.system, touch),
        "functools.reduce": Calls(functools.reduce, os.system, [touch]),
        "operator.methodcaller": Calls(operator.methodcaller, "system", touch),
        "operator.attrgetter": Calls(operator.attrgetter, "system"),
        "types.SimpleNamespace": Calls(types.SimpleNamespace),
        "io.open_code": Calls(io.open_code, __file__),
        "sys.addaudithook": Calls(sys.addaudithook, print),
        "os._exit": Calls(os._exit, 0),
        "zipfile.ZipFile": Calls(zipfile.ZipFile, str(canary), "w"),
        "path.touch": Calls(Path.touch, canary),
        "in a state dict": {"state_dict": {"w": Calls(os.system, touch)}},
        "as a key": {("k", Calls(os.getcwd)): 1},
    }


NAMES = sorted(payloads(Path("x")))


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "builtins.open", "os.mkdir", "pickle.loads"])
def test_the_canary_works(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    pickled = pickle.dumps(payloads(canary)[name])
    subprocess.run(
        [sys.executable, "-c", "import pickle,sys; pickle.load(sys.stdin.buffer)"], input=pickled, check=True
    )
    assert canary.exists()


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_refused(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            pickled = pickle.dumps(payloads(canary)[name], protocol)
        except (TypeError, ValueError):  # some cannot be written in old protocols
            continue
        refused(checkpoint(tmp_path / f"{protocol}.pt", pickled))
    assert not canary.exists()
    assert {path.suffix for path in tmp_path.iterdir()} == {".pt"}


def short(word: bytes) -> bytes:
    return b"\x8c" + bytes([len(word)]) + word


def opcodes(canary: Path) -> dict[str, bytes]:
    """Pickles that no pickler writes."""
    touch = f"touch '{canary}'".encode()
    return {
        "INST": b"(S'" + touch + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'x'\no.",
        "GLOBAL and REDUCE": b"cos\nsystem\n(S'x'\ntR.",
        "NEWOBJ": b"\x80\x02cos\nsystem\n)\x81.",
        "NEWOBJ_EX": b"\x80\x04cos\nsystem\n)}\x92.",
        "EXT1": b"\x80\x02\x82\x01.",
        "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "STACK_GLOBAL": b"\x80\x04" + short(b"os") + short(b"system") + b"\x93.",
        "a dotted allowed name": (
            b"\x80\x04" + short(b"collections") + short(b"OrderedDict.__init__.__globals__") + b"\x93."
        ),
        "a dotted module": b"\x80\x04" + short(b"collections.abc.sys") + short(b"OrderedDict") + b"\x93.",
        "text for a module": b"\x80\x04K\x01" + short(b"x") + b"\x93.",
        "PERSID": b"Pevil\n.",
        "BINPERSID of a call": b"\x80\x02cos\nsystem\nQ.",
        "BUILD on an allowed class": (
            b"\x80\x02ccollections\nOrderedDict\n}" + b"U\x0c__setstate__" + b"K\x01sb."
        ),
        "BUILD on an allowed function": b"\x80\x02ctorch._utils\n_rebuild_tensor\n}U\x08__code__K\x01s\x86b.",
        "a call of a number": b"\x80\x02K\x01)R.",
        "a call of a tensor type": b"\x80\x02ctorch\nFloatStorage\n(U\x02osU\x06systemtR.",
        "an out-of-band buffer": b"\x80\x05\x97.",
        "an empty pickle": b"",
        "an endless one": b"\x80\x02" + b"N" * 1000,
        "a protocol of the future": b"\x80\xff.",
        "text": b"import os; os.system('x')",
        "bytes without end": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
        "a number without end": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01.",
        "a memo without end": b"\x80\x02Nr" + struct.pack("<I", 2**31) + b".",
        "a million nested lists": b"\x80\x02" + b"]" * 10**6 + b"a" * (10**6 - 1) + b".",
        "a second stream": pickle.dumps({}) + b"cos\nsystem\n(S'" + touch + b"'\ntR.",
    }


@pytest.mark.parametrize("name", sorted(opcodes(Path("x"))))
def test_strange_pickles_are_refused(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    refused(checkpoint(tmp_path / "m.pt", opcodes(canary)[name]))
    assert not canary.exists()


def test_a_laughing_dictionary_ends(tmp_path: Path) -> None:
    laugh: dict[str, Any] = {}
    for _ in range(11):
        laugh = {str(n): laugh for n in range(100)}
    refused(checkpoint(tmp_path / "m.pt", pickle.dumps(laugh)))


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A hundred bytes that ask for sixteen gigabytes."""
    grow = b"\x80\x02X" + struct.pack("<I", 4) + b"aaaa"
    refused(checkpoint(tmp_path / "m.pt", grow + b"\x8b" + struct.pack("<I", 2**31 - 8) + b"."))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the system")
def test_the_reader_can_neither_open_nor_connect_nor_start() -> None:
    """Even with the hook gone, the process has no descriptor left to do anything with."""
    program = (
        "import sys, types, os\n"
        "sys.path.insert(0, os.path.dirname(sys.argv[1]))\n"
        "import unpickle, resource, socket\n"
        "sys.addaudithook = lambda hook: None\n"
        "unpickle._give_up_powers()\n"
        "for what in (lambda: open('/etc/hosts'), lambda: socket.socket(), lambda: os.pipe()):\n"
        "    try: what()\n"
        "    except OSError as error: print(error.errno)\n"
        "    else: print('open')\n"
    )
    from studio.services.library import unpickle

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, unpickle.__file__],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["24", "24", "24"]  # EMFILE


@pytest.mark.parametrize(
    "act", ["open('/etc/hosts')", "__import__('this')", "eval('1')", "os.system('true')"]
)
def test_the_hook_ends_whatever_reaches_out(act: str) -> None:
    program = (
        "import sys, os\n"
        "sys.path.insert(0, os.path.dirname(sys.argv[1]))\n"
        "import unpickle\n"
        "unpickle._give_up_powers()\n"
        f"{act}\n"
        "os.write(1, b'alive')\n"
    )
    from studio.services.library import unpickle

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, unpickle.__file__], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, b"")


# --- archives that lie --------------------------------------------------------------------------


def test_the_hand_made_tensor_is_right(tmp_path: Path) -> None:
    data = struct.pack("<6f", *range(6))
    source = checkpoint(tmp_path / "m.pt", pickled_tensor("0", 6, (2, 3), (3, 1)), {"0": data})
    to_safetensors(source, tmp_path / "out")
    assert (tmp_path / "out").read_bytes().endswith(data)


def zipped(path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def zipped_twice(path: Path) -> Path:
    data = zipped(path, {"m/data.pkl": b"N.", "m/data.pkX": b"N."}).read_bytes()
    return written(path, data.replace(b"m/data.pkX", b"m/data.pkl"))


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


LIES: dict[str, Callable[[Path], Path]] = {
    "data missing": lambda p: checkpoint(p, pickled_tensor("0", 6, (6,), (1,))),
    "data too short": lambda p: checkpoint(p, pickled_tensor("0", 6, (6,), (1,)), {"0": b"\0" * 20}),
    "data too long": lambda p: checkpoint(p, pickled_tensor("0", 6, (6,), (1,)), {"0": b"\0" * 28}),
    "reaches behind": lambda p: checkpoint(p, pickled_tensor("0", 6, (6,), (2,)), {"0": b"\0" * 24}),
    "begins behind": lambda p: checkpoint(p, pickled_tensor("0", 6, (1,), (1,), 6), {"0": b"\0" * 24}),
    "begins before": lambda p: checkpoint(p, pickled_tensor("0", 6, (1,), (1,), -1), {"0": b"\0" * 24}),
    "a stride backwards": lambda p: checkpoint(p, pickled_tensor("0", 6, (2,), (-1,)), {"0": b"\0" * 24}),
    "a negative shape": lambda p: checkpoint(p, pickled_tensor("0", 6, (-2,), (1,)), {"0": b"\0" * 24}),
    "more strides than sides": lambda p: checkpoint(
        p, pickled_tensor("0", 6, (2,), (1, 1)), {"0": b"\0" * 24}
    ),
    "an endless shape": lambda p: checkpoint(
        p, pickled_tensor("0", 6, (2**30, 2**30), (0, 0)), {"0": b"\0" * 24}
    ),
    "four bytes seen as a terabyte": lambda p: checkpoint(
        p, pickled_tensor("0", 6, (2**19, 2**19), (0, 0)), {"0": b"\0" * 24}
    ),
    "overflowing numbers": lambda p: checkpoint(
        p, pickled_tensor("0", 6, (2**62, 8), (1, 1)), {"0": b"\0" * 24}
    ),
    "a key that climbs": lambda p: checkpoint(p, pickled_tensor("../../x", 6, (6,), (1,)), {"0": b"\0" * 24}),
    "no tensors": lambda p: checkpoint(p, pickle.dumps({"a": 1})),
    "a list of nothing": lambda p: checkpoint(p, pickle.dumps([1, 2])),
    "no data.pkl": lambda p: zipped(p, {"m/other": b""}),
    "two data.pkl": lambda p: zipped(p, {"a/data.pkl": b"N.", "b/data.pkl": b"N."}),
    "the same name twice": zipped_twice,
    "a zip in the zip": lambda p: checkpoint(p, checkpoint(p.with_suffix(".in"), b"N.").read_bytes()),
    "a compressed pickle": lambda p: zipped(p, {"m/data.pkl": b"N." * 1000}, zipfile.ZIP_DEFLATED),
    "a bomb": lambda p: zipped(p, {"m/data.pkl": b"\0" * 80_000_000}, zipfile.ZIP_DEFLATED),
    "a bare pickle": lambda p: written(p, pickle.dumps({"w": 1})),
    "an old torch file": lambda p: written(
        p, pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    ),
    "an ONNX file": lambda p: written(p, b"\x08\x07\x12\x07pytorch"),
    "a cut archive": lambda p: written(
        p, checkpoint(p, pickled_tensor("0", 6, (6,), (1,)), {"0": b"\0" * 24}).read_bytes()[:-30]
    ),
    "nothing": lambda p: written(p, b""),
    "a magic and no more": lambda p: written(p, b"PK\x03\x04"),
}


@pytest.mark.parametrize("name", LIES)
def test_lying_archives_are_refused(tmp_path: Path, name: str) -> None:
    refused(LIES[name](tmp_path / "m.pt"))


def test_the_failure_says_what(tmp_path: Path) -> None:
    checkpoint(tmp_path / "weights.tar", pickle.dumps(Calls(os.system, "true")))
    with pytest.raises(StudioError) as caught:
        conversion.convert(Conversion(kind="torch_checkpoint", source="weights.tar"), tmp_path, "Faces")
    failure = caught.value.failure
    assert failure.code == "model.unsafe"
    assert "system" in failure.details
    assert not (tmp_path / "config.json").exists()


# --- what is right ------------------------------------------------------------------------------


def bits(tensor: Any) -> bytes:
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def test_real_checkpoints_are_converted_bit_for_bit(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    torch.manual_seed(1)
    base = torch.randn(4, 6)
    tensors: dict[str, torch.Tensor] = {
        "plain": torch.randn(3, 5),
        "turned": base.t(),
        "a view": base[1:3, 2:5],
        "every second": torch.arange(10, dtype=torch.int64)[::2],
        "spread": torch.randn(1, 3).expand(4, 3),
        "one number": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "not numbers": torch.tensor([float("nan"), float("inf"), -0.0]),
        **{
            str(kind): (torch.randn(5) * 9).to(kind)
            for kind in (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.int16, torch.int8)
        },
        "bytes": torch.tensor([0, 255], dtype=torch.uint8),
        "yes and no": torch.tensor([True, False]),
    }
    parameter = torch.nn.Parameter(torch.randn(2, 2))
    saved = {"epoch": 3, "optimizer": {"lr": 0.1, "state": [1, None]}, "net": {**tensors, "p": parameter}}
    torch.save(saved, tmp_path / "m.pt")
    to_safetensors(tmp_path / "m.pt", tmp_path / "m.safetensors", "net")
    found = load_file(tmp_path / "m.safetensors")
    assert found.keys() == tensors.keys() | {"p"}
    for name, tensor in {**tensors, "p": parameter.detach()}.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        assert bits(found[name]) == bits(tensor), name


def test_real_modules_are_converted_bit_for_bit(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    for number, module in enumerate(
        (
            torch.nn.Sequential(torch.nn.ConvTranspose2d(4, 8, 4, bias=False), torch.nn.BatchNorm2d(8)),
            torch.nn.LSTM(4, 3),
            torch.nn.TransformerEncoderLayer(8, 2, 16),
            torch.nn.Embedding(10, 4).half(),
            torch.nn.Linear(3, 2).bfloat16(),
        )
    ):
        source = tmp_path / f"{number}.pt"
        torch.save(module.state_dict(), source)
        to_safetensors(source, source.with_suffix(".safetensors"))
        found, state = load_file(source.with_suffix(".safetensors")), module.state_dict()
        assert found.keys() == state.keys()
        assert all(
            torch.equal(found[name], state[name]) and found[name].dtype == state[name].dtype for name in state
        )


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "m.pt", pickled_tensor("0", 6, (6,), (1,)), {"0": bytes(range(24))})
    to_safetensors(source, tmp_path / "a")
    to_safetensors(source, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
