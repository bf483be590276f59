"""Every call to the Neuron SDK, held to its documentation. Nothing here was run on a Neuron device."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from serving.bundle import read_manifest
from serving.families import family, parts_to_compile
from serving.recipe import compiled_name

from neuron_build.compilers import CompilerError, compiler, neuron
from neuron_build.plan import find_recipe
from tests.neuron_build.full_size_models import NAMES, full_size_component

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).with_name("torch_neuronx_stand_in.py")


Calls = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """What was called on the stand-in. It is imported by the import under test, not before."""
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("TORCH_NEURONX_STAND_IN_LOG", str(log))
    for name in ("NEURON_FUSE_SOFTMAX", "NEURON_PLATFORM_TARGET_OVERRIDE"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "torch_neuronx", raising=False)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/torch_neuronx.py").symlink_to(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    yield lambda: [json.loads(line) for line in log.read_text().splitlines()]
    sys.modules.pop("torch_neuronx", None)


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_full_size_model_is_traced_as_its_recipe_says(
    name: str, calls: Calls, tmp_path: Path
) -> None:
    recipe = find_recipe(name)
    latent = {size: [1, 4, size[1] // 8, size[0] // 8] for size in recipe.sizes}
    for part, size in parts_to_compile(recipe):
        plan, definition = recipe.plan(part, size), family(recipe.family).parts[part]
        module = definition.wrap(full_size_component(name, definition.component, plan.dtype))
        inputs = tuple(
            torch.ones(spec.shape, dtype=getattr(torch, spec.dtype), device="meta")
            for spec in definition.inputs(recipe, size)
        )
        arguments = neuron.arguments(plan.compiler_args, "inf2")
        workdir = tmp_path / compiled_name(part, size)
        workdir.mkdir()

        neuron.compile_part(module, inputs, arguments=arguments, workdir=workdir)

        traced, *loading = calls()[-3:]
        assert [traced["call"], *(one["call"] for one in loading)] == ["trace", "async_load", "lazy_load"]
        assert traced["compiler_args"] == [*plan.compiler_args, "--target=inf2"]
        assert (traced["cpu_backend"], traced["inline_weights_to_neff"]) == (True, True)
        assert traced["parameter_types"] == [plan.dtype]
        assert traced["environment"] == {
            "NEURON_FUSE_SOFTMAX": "1",
            "NEURON_PLATFORM_TARGET_OVERRIDE": "inf2",
        }
        if part in ("unet", "vae_decoder", "vae_post_quant_conv"):
            assert size is not None
            assert traced["inputs"][0][0] == latent[size]
            pixels = [1, 3, size[1], size[0]]
            assert traced["outputs"][0][0] == (pixels if part == "vae_decoder" else latent[size])


def test_sdxls_shapes_are_the_documented_ones(calls: Calls) -> None:
    recipe = find_recipe("sdxl")
    parts = family("sdxl").parts

    def shapes(part: str) -> list[tuple[tuple[int, ...], str]]:
        return [(spec.shape, spec.dtype) for spec in parts[part].inputs(recipe, (1024, 1024))]

    assert shapes("text_encoder") == shapes("text_encoder_2") == [((1, 77), "int64")]
    assert [shape for shape, _ in shapes("unet")] == [
        (1, 4, 128, 128),
        (1,),
        (1, 77, 2048),
        (1, 1280),
        (1, 6),
    ]
    assert [shape for shape, _ in shapes("vae_decoder")] == [(1, 4, 128, 128)]


def test_on_a_neuron_host_the_device_itself_is_compiled_for(calls: Calls, tmp_path: Path) -> None:
    arguments = neuron.arguments(["--auto-cast=none"], None)

    neuron.compile_part(torch.nn.Linear(2, 2), (torch.ones(1, 2),), arguments=arguments, workdir=tmp_path)

    traced = calls()[0]
    assert (traced["compiler_args"], traced["cpu_backend"]) == (["--auto-cast=none"], False)
    assert "NEURON_PLATFORM_TARGET_OVERRIDE" not in traced["environment"]


def test_a_recipe_that_leaves_auto_cast_to_the_sdk_is_refused() -> None:
    with pytest.raises(CompilerError, match="must say --auto-cast"):
        neuron.arguments(["--model-type=unet-inference"], None)


def test_an_unknown_target_or_compiler_is_refused_with_those_there_are() -> None:
    with pytest.raises(CompilerError, match="no target 'inf1'; there is: inf2"):
        neuron.arguments(["--auto-cast=none"], "inf1")
    with pytest.raises(CompilerError, match="no compiler 'gpu'; there is: cpu, neuron"):
        compiler("gpu")
    with pytest.raises(CompilerError, match="no targets"):
        compiler("cpu").arguments([], "inf2")


def test_without_the_sdk_the_error_says_what_to_install_and_from_where() -> None:
    for use in (neuron.versions, lambda: neuron.import_torch_neuronx(None)):
        with pytest.raises(
            CompilerError, match=r"pip install torch-neuronx neuronx-cc --extra-index-url https"
        ):
            use()


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A folder for the import path that looks like an installed SDK."""
    folder = tmp_path / "sdk"
    for package, number in (("torch_neuronx", "2.8.0.2.10"), ("neuronx_cc", "2.21.18209.0")):
        described = folder / f"{package}-{number}.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {number}\n"
        )
    (folder / "torch_neuronx.py").symlink_to(STAND_IN)
    return folder


def test_a_whole_build_calls_the_sdk_once_a_part_in_a_process_of_its_own(
    sdk: Path, tiny_sd15: Path, tmp_path: Path
) -> None:
    log = tmp_path / "calls"
    search = os.pathsep.join([str(ROOT), str(sdk)])
    target = ["--compiler", "neuron", "--target", "inf2", "--size", "64x64", "--source", str(tiny_sd15)]
    folders = ["--cache", str(tmp_path / "parts"), "--output", str(tmp_path)]
    finished = subprocess.run(
        [sys.executable, "-m", "neuron_build", "package", "tiny-sd15", *target, *folders],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search, "TORCH_NEURONX_STAND_IN_LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    manifest = read_manifest(tmp_path / "tiny-sd15")
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    by_process: dict[int, list[str]] = {}
    for call in calls:
        by_process.setdefault(call["process"], []).append(call["call"])
    assert list(by_process.values()) == [["trace", "async_load", "lazy_load"]] * len(manifest.parts)
    assert all(call["environment"]["NEURON_FUSE_SOFTMAX"] == "1" for call in calls)
    traced = sorted(call["inputs"] for call in calls if call["call"] == "trace")
    planned = sorted([[list(i.shape), i.dtype] for i in part.inputs] for part in manifest.parts.values())
    assert traced == planned
    assert manifest.compiler == "neuron"
    assert (manifest.versions["torch-neuronx"], manifest.versions["neuronx-cc"]) == (
        "2.8.0.2.10",
        "2.21.18209.0",
    )
