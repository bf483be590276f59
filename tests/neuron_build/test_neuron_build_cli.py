import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuron_build.cli import app
from neuron_build.package import Options

ROOT = Path(__file__).resolve().parents[2]
runner = CliRunner()


def test_package_says_where_the_bundle_is_and_its_digest(built: Path, options: Options) -> None:
    common = ["--size", "64x64", "--cache", str(options.cache), "--output", str(built.parent)]
    again = runner.invoke(app, ["package", "tiny-sd15", *common])

    assert again.exit_code == 0, again.output
    assert f"{built}: tiny-sd15 for cpu" in again.output
    assert len(again.output.strip().rpartition("digest ")[2]) == 64


def test_compile_lists_the_parts_and_what_was_compiled(built: Path, options: Options) -> None:
    shown = runner.invoke(app, ["compile", "tiny-sd15", "--size", "64x64", "--cache", str(options.cache)])

    assert shown.exit_code == 0, shown.output
    assert "unet-64x64" in shown.output
    assert "0 of 4 parts compiled" in shown.output


def test_verify_passes_what_package_made_and_names_what_was_changed(built: Path) -> None:
    assert runner.invoke(app, ["verify", str(built)]).exit_code == 0

    stray = built / "model/stray.bin"
    stray.touch()
    refused = runner.invoke(app, ["verify", str(built)])
    stray.unlink()
    assert refused.exit_code == 1
    assert "model/stray.bin is foreign" in refused.stderr


def test_inspect_lists_parts_files_and_versions(built: Path) -> None:
    shown = runner.invoke(app, ["inspect", str(built)])

    assert shown.exit_code == 0
    for expected in ("unet-64x64", "model/vae/config.json", "random weights", "torch 2"):
        assert expected in shown.output


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_folder_that_is_no_bundle_is_refused(command: str, tmp_path: Path) -> None:
    refused = runner.invoke(app, [command, str(tmp_path)])

    assert refused.exit_code == 1
    assert "bundle.json is missing" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["sdxxl"], "no recipe 'sdxxl'; there is: "),
        (["tiny-sd15", "--size", "64"], "a size is WIDTHxHEIGHT such as 512x512, not '64'"),
        (["tiny-sd15", "--source", "/nowhere"], "/nowhere is no source: there is no such folder or file"),
        (["tiny-sd15", "--compiler", "gpu"], "no compiler 'gpu'"),
        (["tiny-sd15", "--compiler", "neuron"], "pip install torch-neuronx neuronx-cc"),
    ],
)
def test_a_wrong_wish_is_one_line_that_says_so(
    arguments: list[str], reason: str, options: Options, built: Path
) -> None:
    refused = runner.invoke(app, ["compile", *arguments, "--cache", str(options.cache)])

    assert refused.exit_code == 1
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_runs_as_a_module() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "neuron_build", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    for command in ("compile", "package", "verify", "inspect", "publish", "bench"):
        assert command in finished.stdout
