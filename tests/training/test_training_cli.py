"""The commands of `python -m training`: what they refuse, and how they say it."""

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from training.cli import app


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (16, 16)).save(folder / "a.png")
    (folder / "a.txt").write_text("a")
    return folder


def _lora(tmp_path: Path, pictures: Path, *more: str) -> tuple[int, str]:
    arguments = ["--source", str(tmp_path), "--pictures", str(pictures), "--output", str(tmp_path / "output")]
    result = CliRunner().invoke(app, ["lora", *arguments, *more])
    assert not (tmp_path / "output").exists()
    return result.exit_code, result.output


@pytest.mark.parametrize("size", ["x", "100", "0", "512x", "512x300", "-8", "8x8x8"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, pictures: Path, size: str) -> None:
    code, output = _lora(tmp_path, pictures, f"--size={size}")
    assert code == 1
    assert f"error: --size {size}: expected" in output


def test_a_source_that_is_no_model_is_refused(tmp_path: Path, pictures: Path) -> None:
    code, output = _lora(tmp_path, pictures)
    assert code == 1
    assert "has no model_index.json" in output


def test_pictures_without_captions_are_refused_by_name(tmp_path: Path, pictures: Path) -> None:
    (pictures / "a.txt").unlink()
    code, output = _lora(tmp_path, pictures)
    assert code == 1
    assert "a.png: has no caption; expected a.txt" in output


def test_an_empty_file_of_prompts_is_refused(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\n\n")
    code, output = _lora(tmp_path, pictures, "--prior-prompts", str(tmp_path / "prompts.txt"))
    assert code == 1
    assert "holds no prompts" in output
