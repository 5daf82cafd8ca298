from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.domain.failure import StudioError
from studio.domain.text import t
from studio.services import settings_words
from studio.services.drafts import Drafts
from studio.services.paths import Paths
from studio.services.settings import Settings, SettingsStore


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path / "家 里").create()


def test_a_change_is_told_and_kept(paths: Paths) -> None:
    store = SettingsStore(paths)
    told: list[Settings] = []
    store.changed.connect(told.append)
    store.change(language="zh_CN", offline=True, shortcuts={"generate": "Ctrl+G"})
    assert told == [store.value]
    assert SettingsStore(paths).value == store.value
    assert (store.value.language, store.value.offline, store.value.theme) == ("zh_CN", True, "system")


def test_the_same_value_is_no_change(paths: Paths) -> None:
    store = SettingsStore(paths)
    told: list[Settings] = []
    store.changed.connect(told.append)
    store.change(theme="system")
    assert told == []


@pytest.mark.parametrize(
    "changes",
    [
        {"language": "fr"},
        {"theme": "pink"},
        {"threads": -1},
        {"idle_unload_seconds": 1e9},
        {"device": "toaster"},
        {"device": "cuda:0 "},
        {"offline": "yes"},
    ],
)
def test_an_illegal_value_is_refused_and_changes_nothing(paths: Paths, changes: dict) -> None:
    store = SettingsStore(paths)
    with pytest.raises(StudioError) as raised:
        store.change(**changes)
    assert raised.value.failure.code == "param.invalid"
    assert store.value == Settings() == SettingsStore(paths).value


@pytest.mark.logs
@pytest.mark.logs
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"threads": "many"}', b'{"language": "\xed\xa0\x80"}']
)
def test_a_broken_file_is_kept_aside_and_said(paths: Paths, content: bytes) -> None:
    file = paths.config / "settings.json"
    file.write_bytes(content)
    store = SettingsStore(paths)
    assert store.value == Settings()
    assert store.aside is not None
    assert store.aside.read_bytes() == content
    store.change(theme="dark")
    assert SettingsStore(paths).value.theme == "dark"
    assert SettingsStore(paths).aside is None


def test_a_later_version_s_setting_is_passed_over(paths: Paths) -> None:
    (paths.config / "settings.json").write_text(json.dumps({"theme": "dark", "hologram": 3}))
    store = SettingsStore(paths)
    assert store.value.theme == "dark"
    assert store.aside is None


def test_an_unwritable_folder_is_told_and_the_value_stays(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SettingsStore(paths)
    (paths.config / "settings.json").mkdir()
    with pytest.raises(OSError, match=r"settings\.json"):
        store.change(theme="dark")
    assert store.value == Settings()


async def test_drafts_come_back(paths: Paths) -> None:
    drafts = Drafts(paths)
    drafts.put("draw", {"prompt": "一个红苹果 \U0001f34e", "size": [512, 512]})
    await drafts.save()
    drafts.put("write", {"prompt": "half a sen"})
    drafts.flush()
    again = Drafts(paths)
    assert again.get("draw") == {"prompt": "一个红苹果 \U0001f34e", "size": [512, 512]}
    assert again.get("write") == {"prompt": "half a sen"}
    assert again.get("speak") == {}


def test_drafts_are_copies(paths: Paths) -> None:
    drafts = Drafts(paths)
    fields = {"prompt": "a", "turns": [1]}
    drafts.put("write", fields)
    fields["turns"].append(2)
    drafts.get("write")["prompt"] = "b"
    assert drafts.get("write") == {"prompt": "a", "turns": [1]}


def test_drafts_refuse_what_is_not_json(paths: Paths) -> None:
    drafts = Drafts(paths)
    with pytest.raises(TypeError):
        drafts.put("draw", {"widget": object()})
    assert drafts.get("draw") == {}


@pytest.mark.logs
@pytest.mark.logs
def test_broken_drafts_are_kept_aside(paths: Paths) -> None:
    (paths.data / "drafts.json").write_bytes(b'{"draw": {"prompt": "lo')
    assert Drafts(paths).get("draw") == {}
    assert [file.read_bytes() for file in paths.data.glob("drafts.broken-*.json")] == [
        b'{"draw": {"prompt": "lo'
    ]


def test_every_setting_says_what_it_takes() -> None:
    names = [f"settings.takes.{name}" for name in Settings.__struct_fields__]
    assert [name for name in names if t(name) == name] == []


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("offline", "ON", True),
        ("offline", "no", False),
        ("threads", "8", 8),
        ("bandwidth", "5MB", 5_000_000),
        ("bandwidth", "1.5 GB/s", 1_500_000_000),
        ("bandwidth", "300k", 300_000),
        ("mirrors", "automatic", ()),
        ("mirrors", " hub, https://m.example/ ,hub", ("hub", "https://m.example")),
        ("proxy", "", ""),
        ("theme", "dark", "dark"),
    ],
)
def test_words_become_values(name: str, words: str, value: object, paths: Paths) -> None:
    assert settings_words.value_of(name, words) == value
    store = SettingsStore(paths)
    store.change(**{name: value})
    assert settings_words.value_of(name, settings_words.words_of(name, store.value)) == value


def test_every_typed_setting_can_be_said_and_read_back() -> None:
    usual = Settings()
    for name in settings_words.NAMES:
        words = settings_words.words_of(name, usual)
        assert settings_words.value_of(name, words) == getattr(usual, name), name
