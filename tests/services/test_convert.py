"""A checkpoint becomes safetensors bit for bit, and a hostile one does nothing at all.

Every hostile one would leave a canary file if anything in it ran; the first test shows that the
canary works, by letting Python unpickle one in a process without our locks.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
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
from tests.services.payloads import Calls, opcodes, payloads


def refused(source: Path) -> str:
    target = source.with_name("out.safetensors")
    with pytest.raises(CheckpointError) as caught:
        to_safetensors(source, target)
    assert not target.exists()
    assert not list(source.parent.glob("*.part"))
    return str(caught.value)


# --- what would run -----------------------------------------------------------------------------


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


def test_every_tenth_hostile_file(tmp_path: Path) -> None:
    told = json.loads(hostile(tmp_path, every=10).stdout)
    assert told["files"] >= 30
    assert (told["let_through"], told["canary"], told["alive"]) == ({}, False, True)


@pytest.mark.heavy
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_every_hostile_file_under_the_eye_of_the_system(tmp_path: Path) -> None:
    """None makes the canary, starts a program or opens a connection; only our own reader is started."""
    log = tmp_path / "calls"
    done = hostile(
        tmp_path, "strace", "-f", "-qq", "-s", "999", "-e", "trace=execve,execveat,connect", "-o", str(log)
    )
    told = json.loads(done.stdout)
    calls = log.read_text().splitlines()
    started = [line for line in calls if re.search(r"execve(at)?\(", line)]
    ours = [line for line in started if "unpickle.py" in line]
    (first,) = set(started) - set(ours)  # the process that does all this
    assert "tests.services.hostile" in first
    assert len(ours) > 250  # it was really asked
    assert [line for line in calls if re.search(r"\bconnect\(", line)] == []
    assert told["files"] >= 300
    assert (told["let_through"], told["canary"], told["alive"]) == ({}, False, True)
    refused = benign_refused(tmp_path)
    print(f"hostile let through: 0 of {told['files']}; benign refused: {len(refused)} of {BENIGN}")
    assert refused == []


def hostile(folder: Path, *before: str, every: int = 1) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "tests.services.hostile", str(folder), str(every)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=600)


def test_the_eye_of_the_system_sees(tmp_path: Path) -> None:
    """What the heavy test counts is there when a payload is let loose."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    evil, log = pickle.dumps(payloads(tmp_path / "canary")["os.system"]), tmp_path / "calls"
    loose = "import pickle,sys; pickle.load(sys.stdin.buffer)"
    strace = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", str(log)]
    subprocess.run([*strace, sys.executable, "-c", loose], input=evil, check=True)
    assert (tmp_path / "canary").exists()
    assert sum("execve" in line for line in log.read_text().splitlines()) > 1


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


BENIGN = 12


def benign_refused(folder: Path) -> list[str]:
    """Which of as many real checkpoints were not converted, or not bit for bit."""
    import torch
    from safetensors.torch import load_file

    torch.manual_seed(2)
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
    modules = [torch.nn.Linear(5, 3).to(kind) for kind in kinds]
    modules += [torch.nn.Conv2d(3, 4, 3), torch.nn.GRU(4, 3), torch.nn.LayerNorm(7), torch.nn.PReLU(3)]
    states: list[Any] = [module.state_dict() for module in modules]
    states += [{"state_dict": modules[0].state_dict(), "epoch": 3}, {"a": {"b": torch.ones(2)}}]
    states += [{"w": torch.arange(12).reshape(3, 4).t()}, {"w": torch.nn.Parameter(torch.randn(3))}]
    assert len(states) == BENIGN
    refused: list[str] = []
    for number, state in enumerate(states):
        source = folder / f"benign-{number}.pt"
        torch.save(state, source)
        try:
            to_safetensors(source, source.with_suffix(".out"))
        except CheckpointError as error:
            refused.append(f"{number}: {error}")
            continue
        found = load_file(source.with_suffix(".out"))
        flat = dict(_flat(state))
        if found.keys() != flat.keys() or any(bits(found[n]) != bits(flat[n].detach()) for n in found):
            refused.append(f"{number}: other bits")
    return refused


def _flat(state: Any, name: str = "") -> Any:
    for key, value in state.items():
        full = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _flat(value, full)
        elif hasattr(value, "dtype"):
            yield full, value


def test_benign_checkpoints_are_not_refused(tmp_path: Path) -> None:
    assert benign_refused(tmp_path) == []


def test_what_follows_a_pickle_is_refused(tmp_path: Path) -> None:
    whole = pickled_tensor("0", 6, (6,), (1,))
    source = checkpoint(tmp_path / "m.pt", whole + b"N.", {"0": bytes(24)})
    assert "follows" in refused(source)


CHECKERS = ("_root", "_read", "_write", "_copy", "describe")


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("error", [RuntimeError, OSError, ValueError, KeyError])
def test_a_checker_that_fails_lets_nothing_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checker: str, error: type[Exception]
) -> None:
    """Whichever call of it fails, and however: no target, and an error."""
    source = checkpoint(tmp_path / "m.pt", pickled_tensor("0", 6, (6,), (1,)), {"0": bytes(24)})
    original, calls = getattr(conversion, checker), 0

    def counted(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        return original(*given)

    monkeypatch.setattr(conversion, checker, counted)
    to_safetensors(source, tmp_path / "good")
    assert calls > 0
    for broken in range(calls):
        at = iter(range(calls + 1))

        def failing(*given: Any, at: Any = at, broken: int = broken) -> Any:
            if next(at) == broken:
                raise error("injected")
            return original(*given)

        monkeypatch.setattr(conversion, checker, failing)
        with pytest.raises((error, CheckpointError)):
            to_safetensors(source, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob("*.part"))


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "m.pt", pickled_tensor("0", 6, (6,), (1,)), {"0": bytes(range(24))})
    to_safetensors(source, tmp_path / "a")
    to_safetensors(source, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
