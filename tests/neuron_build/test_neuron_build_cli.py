import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuron_build.cli import app

ROOT = Path(__file__).resolve().parents[2]
runner = CliRunner()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    result = runner.invoke(app, ["package", "tiny-sdxl", "--output", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def test_package_says_where_the_bundle_is_and_its_digest(output: Path) -> None:
    again = runner.invoke(app, ["package", "tiny-sdxl", "--output", str(output)])

    assert again.exit_code == 0
    assert f"{output}/tiny-sdxl: tiny-sdxl for cpu" in again.output
    assert len(again.output.strip().rpartition("digest ")[2]) == 64


def test_verify_passes_what_package_made_and_names_what_was_changed(output: Path, tmp_path: Path) -> None:
    assert runner.invoke(app, ["verify", str(output / "tiny-sdxl")]).exit_code == 0

    stray = output / "tiny-sdxl/model/stray.bin"
    stray.touch()
    refused = runner.invoke(app, ["verify", str(output / "tiny-sdxl")])
    stray.unlink()
    assert refused.exit_code == 1
    assert "model/stray.bin is foreign" in refused.stderr


def test_inspect_lists_the_parts(output: Path) -> None:
    shown = runner.invoke(app, ["inspect", str(output / "tiny-sdxl")])

    assert shown.exit_code == 0
    assert "model/vae/config.json" in shown.output
    assert "random weights" in shown.output


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_folder_that_is_no_bundle_is_refused(command: str, tmp_path: Path) -> None:
    refused = runner.invoke(app, [command, str(tmp_path)])

    assert refused.exit_code == 1
    assert "bundle.json is missing" in refused.stderr


def test_an_unknown_recipe_exits_with_the_names_there_are(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "neuron_build", "package", "sdxxl", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 1
    assert "no recipe 'sdxxl' to package; there is: tiny-sdxl" in finished.stderr
