from __future__ import annotations

import getpass
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from studio.services.logs import crashes, report
from studio.services.paths import Paths
from studio.services.scrub import scrub, without_secrets


def run(home: Path, code: str) -> subprocess.CompletedProcess[str]:
    program = f"""
import logging, threading, sys
from pathlib import Path
from studio.services.logs import Log
from studio.services.paths import Paths
log = Log(Paths.under(Path({str(home)!r})), "test")
log.start()
{code}
"""
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )


def test_a_hard_crash_leaves_its_trace(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    done = run(
        tmp_path, "def draws_badly():\n    import faulthandler; faulthandler._sigsegv()\ndraws_badly()"
    )
    assert done.returncode != 0
    (trace,) = crashes(paths)
    assert "draws_badly" in trace.read_text()
    run(tmp_path, "log.end()")
    assert crashes(paths) == [trace]
    assert "draws_badly" in report(paths)


def test_an_orderly_end_leaves_no_crash_file_and_a_killed_one_s_is_cleared(tmp_path: Path) -> None:
    run(tmp_path, "import os; os._exit(1)")
    assert len(list((tmp_path / "logs").glob("crash-*"))) == 1
    run(tmp_path, "log.end()")
    assert list((tmp_path / "logs").glob("crash-*")) == []


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('lost bolt')",
        "def f(): raise ValueError('lost bolt')\nt = threading.Thread(target=f); t.start(); t.join()",
        "import warnings; warnings.warn('lost bolt')",
    ],
    ids=["main", "thread", "warning"],
)
def test_what_nobody_caught_is_in_the_log(tmp_path: Path, code: str) -> None:
    run(tmp_path, code)
    assert "lost bolt" in (tmp_path / "logs" / "test.log").read_text(encoding="utf-8")


def test_the_log_rotates(tmp_path: Path) -> None:
    run(tmp_path, "for _ in range(600): logging.getLogger('x').info('y' * 20_000)")
    files = sorted(file.name for file in (tmp_path / "logs").glob("test.log*"))
    assert files == ["test.log", "test.log.1", "test.log.2", "test.log.3"]
    assert sum((tmp_path / "logs" / name).stat().st_size for name in files) < 9_000_000


@pytest.mark.parametrize(
    "text",
    [
        "key hf_QQQQsecretQQQQ end",
        "Authorization: Bearer QQQQsecretQQQQ",
        "{'authorization': 'Basic QQQQsecretQQQQ'}",
        "bearer QQQQsecretQQQQ",
        "https://me:QQQQsecretQQQQ@example.org/x",
        "https://QQQQsecretQQQQ@example.org/x",
        "GET /file?X-Amz-Signature=QQQQsecretQQQQ&x=1",
        'token="QQQQsecretQQQQ"',
        '{"api_key": "QQQQsecretQQQQ"}',
        "password = QQQQsecretQQQQ",
    ],
)
def test_whatever_looks_like_a_secret_is_taken_out(text: str) -> None:
    cleaned = without_secrets(text)
    assert "QQQQ" not in cleaned
    assert "[hidden]" in cleaned


@pytest.mark.parametrize(
    "text", ["25 tokens in 1.2 s", "max_tokens 512", "https://example.org/a@b", "tokenizer.json loaded"]
)
def test_ordinary_words_stay(text: str) -> None:
    assert without_secrets(text) == text


def test_a_report_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "wanglei")
    monkeypatch.setattr(socket, "gethostname", lambda: "lei-laptop")
    home = tmp_path / "home" / "wanglei"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    paths = Paths.under(tmp_path / "studio").create()
    (paths.logs / "studio.log").write_text(
        f"opened {home}/Bilder/x.png\nhost LEI-LAPTOP user wanglei\n"
        "at C:\\Users\\wanglei\\x, wangleidong stays\n"
        "hf_abcdefghijklmnop\n"
    )
    text = report(paths, [("machine", f"home {home}")])
    assert "opened ~/Bilder/x.png" in text
    assert "host [computer] user [user]\nat C:\\Users\\[user]\\x, wangleidong stays" in text
    assert str(home) not in text
    assert "hf_abc" not in text
    assert "Python" in text


def test_the_report_is_of_bounded_length(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path).create()
    (paths.logs / "studio.log").write_text("line\n" * 100_000)
    assert len(report(paths)) < 10_000


def test_scrubbing_leaves_accounts_that_are_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    assert scrub("the root of the tree") == "the root of the tree"
