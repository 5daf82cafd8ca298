"""What a pickle can be made to run, and pickles that no pickler writes. Each would make a canary file."""

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
from pathlib import Path
from typing import Any


class Calls:
    """Pickles as a call of *function* with *arguments*."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


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
