"""What must not leave this computer by way of a log or a report: secrets, and who the user is."""

from __future__ import annotations

import getpass
import os
import re
import socket
from pathlib import Path

HIDDEN = "[hidden]"

_secrets: set[str] = set()

# Tokens by their looks, and whatever follows a word that announces one.
_TOKENS = (
    re.compile(r"\b(?:hf|sk|pypi|ghp|gho|glpat|xox[a-z])[-_][A-Za-z0-9_\-]{8,}"),
    re.compile(r"(?i)((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)?\s*)[^\s\"',;]+"),
    re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/\-]{8,}=*"),
    re.compile(
        r"(?i)((?:token|secret|password|passwd|api[-_]?key|signature|credential)[\"']?\s*[=:]\s*[\"']?)"
        r"[^\s\"'&,;]+"
    ),
    re.compile(r"(://)[^/\s:@]+(?::[^/\s@]*)?(?=@)"),
)
# Addresses of networks and machines, and numbers that only one device has.
_ADDRESSES = (
    re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    re.compile(r"(?i)(?<![0-9a-f:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f:-])"),
    re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])"),
    re.compile(r"(?i)(?<![\w:.])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])"),
    re.compile(r"(?i)(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?![\w:])"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
)
_SERIAL = re.compile(r"(?i)\b((?:serial(?: number)?|s/n|uuid)\W{1,3})[A-Z0-9][A-Z0-9-]{4,}")
# Accounts that say nothing about a person.
_NOBODY = frozenset({"root", "user", "admin", "administrator", "ubuntu", "localhost", "studio"})


def hide(secret: str) -> None:
    """Take *secret* (six characters or more) out of every later log line and report of this process."""
    if len(secret) >= 6:
        _secrets.add(secret)


def without_secrets(text: str) -> str:
    """*text* with every hidden secret, and whatever looks like one, replaced by `HIDDEN`."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    for pattern in _TOKENS:
        text = pattern.sub(lambda found: (found[1] if found.re.groups else "") + HIDDEN, text)
    return text


def scrub(text: str) -> str:
    """*text* without secrets, the home folder, the user's name and the computer's name."""
    text = without_secrets(text)
    for home in sorted({str(Path.home()), os.environ.get("USERPROFILE", "")} - {"", "/"}, key=len):
        text = text.replace(home, "~").replace(home.replace("\\", "\\\\"), "~")
    for name, instead in ((_user(), "[user]"), (socket.gethostname(), "[computer]")):
        if len(name) >= 2 and name.lower() not in _NOBODY:
            text = re.sub(rf"(?i)(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", instead, text)
    return text


def without_addresses(text: str) -> str:
    """*text* without addresses of networks, devices and mail, and without serial numbers."""
    for pattern in _ADDRESSES:
        text = pattern.sub("[address]", text)
    return _SERIAL.sub(lambda found: f"{found[1]}[serial]", text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return ""
