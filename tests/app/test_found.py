"""Files that are dropped or found: what the window says of them, and what can be done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog, QLabel

from studio.app import language
from studio.app.found.dropped import DroppedModel
from studio.app.found.row import FoundRow
from studio.app.panels.models.scan import ScanDialog
from studio.services.scan import places
from studio.services.scan.places import Spot
from tests.app.studios import studio_at
from tests.app.test_panels import window_on
from tests.fakes.model_files import gguf, gguf_text, safetensors, write
from tests.fakes.original_checkpoint import write_original_flux
from tests.fakes.tiny_diffusion import write_flux
from tests.layouts.files import write_file
from tests.services.engines import until

QWEN = gguf(gguf_text("general.architecture", "qwen2")) + b"\0" * 600
ODD = gguf(gguf_text("general.architecture", "a-new-one")) + b"\0" * 600
EMBEDDING = safetensors({"emb_params": ("F32", [1, 768], b"\0" * 3072)})


async def dropped(frame: Any, path: Path) -> DroppedModel:
    await frame._dropped([path])
    return frame.window.findChildren(DroppedModel)[-1]


def words(widget: Any) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


async def test_a_lora_says_what_it_is_for_and_is_not_used(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    write_file(tmp_path / "<b>style & co.safetensors", "lora-xl-kohya")
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, said):
        dialog = await dropped(frame, tmp_path / "<b>style & co.safetensors")
        row = dialog.row
        assert "LoRA • Stable Diffusion XL • F16" in words(row)
        assert "not a whole model" in words(row)
        assert "<b>style & co.safetensors" in words(row)
        assert not row.use.isVisibleTo(row)
        language.set_language("zh_CN")
        assert "不是完整的模型" in words(row)
        language.set_language("en")
        assert not any(said)
        assert studio.library.own() == []
        dialog.close()


async def test_what_carries_code_cannot_be_treated_as_anything(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "x.Y"}}
    write(tmp_path / "m", {"config.json": config, "model.safetensors": EMBEDDING})
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        dialog = await dropped(frame, tmp_path / "m")
        assert "auto_map" in words(dialog.row)
        assert not dialog.row.use.isVisibleTo(dialog.row)
        assert not dialog.row.treat.isVisibleTo(dialog.row)
        dialog.close()


async def test_an_unknown_kind_is_treated_as_the_user_says(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    write(tmp_path / "m", {"odd.gguf": ODD})
    file = tmp_path / "m" / "odd.gguf"
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        dialog = await dropped(frame, file)
        row = dialog.row
        assert not row.use.isVisibleTo(row)
        (action,) = row.treat_menu().actions()  # one family loads such files
        action.trigger()
        await until(lambda: bool(studio.library.own()) and not dialog.models._tasks)
        (entry,) = studio.library.own()
        assert entry.model.family == "gguf_text"
        resolved = studio.library.resolve(str(file))
        assert resolved.spec.name == "gguf_text"  # also when it is used


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder, and its transformer alone as one file."""
    place = tmp_path_factory.mktemp("flux")
    folder = write_flux(place / "whole")
    return folder, write_original_flux(folder, place / "alone.safetensors", whole=False)


async def test_the_missing_parts_come_from_a_folder_of_the_users(
    tmp_path: Path, monkeypatch: Any, qloop: Any, flux: tuple[Path, Path]
) -> None:
    folder, file = flux
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        dialog = await dropped(frame, file)
        row = dialog.row
        assert row.use.isVisibleTo(row)
        assert not row.rest.isVisibleTo(row)
        row.use.click()
        await until(lambda: row.rest.isVisibleTo(row))
        assert "text_encoder" in words(row)
        row.rest.click()
        (chooser,) = row.findChildren(QFileDialog)
        chooser.fileSelected.emit(str(folder))
        chooser.done(0)
        await until(lambda: bool(studio.library.own()) and not dialog.models._tasks)
        assert studio.library.resolve(str(file)).source.rest == str(folder)


async def test_models_of_other_programs(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    theirs = write(tmp_path / "theirs", {"q.gguf": QWEN, "copy/q2.gguf": QWEN, "e.safetensors": EMBEDDING})
    (theirs / "out").symlink_to(tmp_path)
    monkeypatch.setattr("studio.app.found.viewmodel.defaults", lambda: [Spot(places.LM_STUDIO, theirs)])
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, said):
        panel: Any = frame.window.go("models").page("catalogue")
        *_, find = panel.add_menu().actions()
        find.trigger()
        (dialog,) = panel.findChildren(ScanDialog)
        await until(lambda: dialog.models.scan.value is not None and dialog.models.looking.value is None)
        assert [row.seen.title for row in dialog.rows] == ["q.gguf", "q2.gguf"]
        assert "3 found, 2 ready to use" in words(dialog)
        assert "leads out of the folder" in words(dialog)
        dialog.usable.setChecked(False)
        assert [row.seen.title for row in dialog.rows] == ["q.gguf", "q2.gguf", "e.safetensors"]
        dialog.compare.click()
        await until(lambda: bool(dialog.models.copies.value))
        assert str(theirs / "copy" / "q2.gguf") in words(dialog.rows[0])
        dialog.use_all.click()
        await until(lambda: len(dialog.models.used.value) == 2 and not dialog.models._tasks)
        assert all(not row.use.isVisibleTo(row) for row in dialog.rows)
        assert not dialog.use_all.isEnabled()
        assert not any(said)
        dialog.close()


async def test_a_dropped_folder_of_models_is_looked_through(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    write(tmp_path / "theirs", {"a/q.gguf": QWEN, "b/e.safetensors": EMBEDDING})
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        await frame._dropped([tmp_path / "theirs"])
        (dialog,) = frame.window.findChildren(ScanDialog)
        await until(lambda: len(dialog.rows) == 1)
        dialog.rows[0].use.click()
        await until(lambda: [entry.model.title for entry in studio.library.own()] == [{"en": "q.gguf"}])
        await until(lambda: not dialog.models._tasks)
        dialog.close()


async def test_thousands_are_shown_a_few_at_a_time(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    theirs = write(tmp_path / "theirs", {f"{n:03}.gguf": QWEN for n in range(95)})
    monkeypatch.setattr("studio.app.found.viewmodel.defaults", list)
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        panel: Any = frame.window.go("models").page("catalogue")
        panel.add_menu().actions()[-1].trigger()
        (dialog,) = panel.findChildren(ScanDialog)
        await until(lambda: dialog.models.scan.value is not None and dialog.models.looking.value is None)
        assert dialog.rows == []
        assert "Nothing to use was found" in words(dialog)
        dialog.models.look(theirs)
        await until(lambda: len(dialog.rows) == 40)
        dialog.more.click()
        dialog.more.click()
        assert len(dialog.rows) == 95
        assert not dialog.more.isVisibleTo(dialog)
        dialog.close()


async def test_closing_while_it_looks(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    theirs = write(tmp_path / "theirs", {f"{n:03}.gguf": QWEN for n in range(300)})
    monkeypatch.setattr("studio.app.found.viewmodel.defaults", lambda: [Spot("", theirs)])
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        panel: Any = frame.window.go("models").page("catalogue")
        panel.add_menu().actions()[-1].trigger()
        (dialog,) = panel.findChildren(ScanDialog)
        models = dialog.models
        dialog.close()
        await until(lambda: models.looking.value is None)
        assert len(models.scan.value.found) < 300


@pytest.mark.parametrize("name", ["sd-1.5", "lora-flux-kohya", "esrgan", "umt5-xxl", "vae-tiny"])
async def test_every_kind_has_words(tmp_path: Path, monkeypatch: Any, qloop: Any, name: str) -> None:
    write_file(tmp_path / f"{name}.safetensors", name)
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        dialog = await dropped(frame, tmp_path / f"{name}.safetensors")
        assert isinstance(dialog.row, FoundRow)
        for chosen in ("en", "zh_CN"):
            language.set_language(chosen)
            assert "{" not in words(dialog)
            assert not re.search(r"kind\.[a-z]", words(dialog))
        language.set_language("en")
        dialog.close()
