"""The desktop: libraries for the window, sound, a font for Chinese, and how numbers are written."""

from __future__ import annotations

from studio.domain.diagnosis import Finding, fail, passed, skipped, warn
from studio.services.doctor import libraries as system
from studio.services.doctor.case import Case

_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "{home}/.fonts", "{home}/.local/share/fonts")
_FONT_NAMES = ("*CJK*", "*NotoSansSC*", "*SourceHan*", "wqy-*", "DroidSansFallback*", "uming*", "ukai*")
_WINDOWS_FONTS = (r"C:\Windows\Fonts\msyh.ttc", r"C:\Windows\Fonts\simsun.ttc")


def libraries(case: Case) -> Finding:
    """Whether everything that Qt loads from the system is there (Linux)."""
    if case.platform != "linux":
        return skipped("doctor.desktop.libraries.own")
    wanted = dict(system.packages()["core"])
    if not case.environment.get("WAYLAND_DISPLAY"):
        wanted |= system.packages()["x11"]
    missing = _missing(case, wanted)
    if missing is None:
        return skipped("doctor.desktop.libraries.unknown")
    if missing:
        return fail(
            "doctor.desktop.libraries.missing",
            "doctor.desktop.install",
            names=", ".join(missing),
            packages=" ".join(sorted({wanted[name] for name in missing})),
        )
    return passed("doctor.desktop.libraries.there", n=len(wanted))


def _missing(case: Case, wanted: dict[str, str]) -> list[str] | None:
    said: str | None = case.sources.read("command", *system.command(sorted(wanted)))
    return None if said is None else [name for name in said.split() if name in wanted]


def sound(case: Case) -> Finding:
    """Whether speech and music could be heard."""
    if case.platform == "win32":
        devices: int | None = case.sources.read("windows_sound")
        if devices is None:
            return skipped("doctor.desktop.sound.unasked")
        return passed("doctor.desktop.sound.there") if devices else _silent()
    if case.platform != "linux":
        return skipped("doctor.desktop.sound.unasked")
    wanted = system.packages()["sound"]
    missing = _missing(case, wanted)
    if missing:
        return warn(
            "doctor.desktop.sound.library",
            "doctor.desktop.install",
            names=", ".join(missing),
            packages=" ".join(wanted[name] for name in missing),
        )
    if case.environment.get("PULSE_SERVER"):
        return passed("doctor.desktop.sound.there")
    runtime = case.environment.get("XDG_RUNTIME_DIR", "")
    if runtime and case.sources.read("exists", f"{runtime}/pulse/native"):
        return passed("doctor.desktop.sound.there")
    cards: str = case.sources.read("text", "/proc/asound/cards") or ""
    if any(line.strip()[:1].isdigit() for line in cards.splitlines()):
        return passed("doctor.desktop.sound.there")
    return _silent()


def _silent() -> Finding:
    return warn("doctor.desktop.sound.none", "doctor.desktop.sound.save")


def fonts(case: Case) -> Finding:
    """Whether Chinese characters would be drawn."""
    if case.platform == "darwin":
        return passed("doctor.desktop.fonts.there")
    if case.platform == "win32":
        there = any(case.sources.read("exists", file) for file in _WINDOWS_FONTS)
        return passed("doctor.desktop.fonts.there") if there else _fontless("doctor.desktop.fonts.windows")
    listed: str | None = case.sources.read("command", "fc-list", ":lang=zh-cn", "family")
    there = bool(listed.strip()) if listed is not None else _font_files(case)
    return passed("doctor.desktop.fonts.there") if there else _fontless("doctor.desktop.install")


def _fontless(fix: str) -> Finding:
    return warn("doctor.desktop.fonts.none", fix, packages=" ".join(system.packages()["fonts"].values()))


def _font_files(case: Case) -> bool:
    """Without fontconfig's own answer: whether a file is called like a font that has Chinese."""
    home = case.environment.get("HOME", "")
    folders = [folder.format(home=home) for folder in _FONT_FOLDERS if home or "{home}" not in folder]
    depths = ("", "*/", "*/*/")
    patterns = [f"{folder}/{depth}{name}" for folder in folders for depth in depths for name in _FONT_NAMES]
    return any(case.sources.read("glob", pattern) for pattern in patterns)


def numbers(case: Case) -> Finding:
    """Whether native code would read "0.5" as people of this country write it."""
    if case.encoding.lower().replace("-", "") != "utf8":
        return warn("doctor.desktop.numbers.encoding", "doctor.desktop.numbers.utf8", encoding=case.encoding)
    if case.decimal_point != ".":
        return warn("doctor.desktop.numbers.comma", "doctor.desktop.numbers.set", decimal=case.decimal_point)
    return passed("doctor.desktop.numbers.plain", locale=case.machine.locale or "C")


CHECKS = {"libraries": libraries, "sound": sound, "fonts": fonts, "numbers": numbers}
