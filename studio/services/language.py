"""Which of our languages the user reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from studio.domain.text import language_of_locale
from studio.services.settings import Settings

_CHINESE = 0x04  # Windows' primary language number
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language(settings: Settings, environment: Mapping[str, str] = os.environ) -> str:
    """The language chosen in the settings, else the system's."""
    return settings.language or system_language(environment)


def system_language(environment: Mapping[str, str] = os.environ) -> str:
    """By the environment's first locale that says something, else by the system's own setting."""
    for variable in _VARIABLES:
        name = environment.get(variable, "")
        if name and name.partition(".")[0] not in ("C", "POSIX"):
            return language_of_locale(name)
    if sys.platform == "win32":
        import ctypes

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return "zh_CN" if number & 0x3FF == _CHINESE else "en"
    import locale

    return language_of_locale(locale.getlocale()[0] or "")
