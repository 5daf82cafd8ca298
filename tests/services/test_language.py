from __future__ import annotations

import sys

import pytest

from studio.services.language import language, system_language
from studio.services.settings import Settings


def test_the_settings_decide() -> None:
    assert language(Settings(language="en"), {"LANG": "zh_CN.UTF-8"}) == "en"
    assert language(Settings(), {"LANG": "zh_CN.UTF-8"}) == "zh_CN"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_TW.UTF-8"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh_CN"),
    ],
)
def test_the_first_locale_that_says_something(environment: dict[str, str], expected: str) -> None:
    assert system_language(environment) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a setting of its own")
def test_nothing_said() -> None:
    assert system_language({}) in ("en", "zh_CN")
