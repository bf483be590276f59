import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from neuron_build.digests import Digests
from neuron_build.plan import find_recipe
from neuron_build.sources import SourceError
from neuron_build.sources.diffusers_folder import check_source, component, source_files
from neuron_build.sources.source import Source, open_source

RECIPE = find_recipe("tiny-sd15")


def opened(text: Path | str, cache: Path) -> Source:
    return open_source(str(text), RECIPE, cache, Digests(), lambda _: None)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def model(tiny_sd15: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd15, tmp_path / "model"))


def test_a_diffusers_folder_is_a_source_wherever_it_lies(model: Path, tmp_path: Path) -> None:
    check_source(model, RECIPE)
    here = opened(model, tmp_path)
    moved = opened(model.rename(tmp_path / "moved"), tmp_path)

    assert (here.model, here.description) == (moved.model, moved.description)
    assert str(tmp_path) not in here.description


def test_other_weights_are_another_source(model: Path, tmp_path: Path) -> None:
    before = opened(model, tmp_path).description
    weights = model / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")

    assert opened(model, tmp_path).description != before


def test_the_licence_is_the_model_cards(model: Path, tmp_path: Path) -> None:
    assert "not said by the source" in opened(model, tmp_path).licence
    (model / "README.md").write_text("---\nlicense: openrail++\ntags: [x]\n---\n# A model\n")

    assert opened(model, tmp_path).licence == "openrail++"


def test_weights_in_half_precision_or_in_shards_are_found(model: Path) -> None:
    unet = model / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model.fp16.safetensors")
    assert component(model, "unet").variant == "fp16"

    (model / "vae/diffusion_pytorch_model.safetensors").rename(model / "vae/shard-1.safetensors")
    index = {"weight_map": {"a": "shard-1.safetensors", "b": "shard-1.safetensors"}}
    (model / "vae/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert model / "vae/shard-1.safetensors" in component(model, "vae").files
    assert model / "vae/shard-1.safetensors" in source_files(model, RECIPE)


def pickled(model: Path) -> None:
    unet = model / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model.bin")


def shard_missing(model: Path) -> None:
    (model / "vae/diffusion_pytorch_model.safetensors").unlink()
    index = {"weight_map": {"a": "shard-1.safetensors"}}
    (model / "vae/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda model: (model / "model_index.json").unlink(),
            "holds no diffusers model: no model_index.json",
        ),
        (lambda model: (model / "model_index.json").write_text("["), "model_index.json can't be read"),
        (lambda model: (model / "unet/config.json").unlink(), "unet lacks config.json"),
        (lambda model: shutil.rmtree(model / "tokenizer"), "lacks tokenizer/, which serving needs"),
        (lambda model: (model / "scheduler/scheduler_config.json").unlink(), "lacks scheduler/"),
        (pickled, "weights pickled only .diffusion_pytorch_model.bin.*safe_serialization=True"),
        (shard_missing, "names weights that are missing: shard-1.safetensors"),
        (
            lambda model: (model / "unet/diffusion_pytorch_model.safetensors").unlink(),
            "unet holds no weights",
        ),
        (
            lambda model: edit(model / "model_index.json", unet=["evil", "UNet"]),
            "must name unet as a class of diffusers or transformers",
        ),
        (
            lambda model: edit(model / "model_index.json", _class_name="StableDiffusionXLPipeline"),
            "says StableDiffusionXLPipeline, the family sd is StableDiffusionPipeline",
        ),
        (
            lambda model: edit(model / "text_encoder/config.json", hidden_size=1024),
            "hidden_size of the text encoders, together is 1024, the recipe has 48",
        ),
        (
            lambda model: edit(model / "unet/config.json", cross_attention_dim=768, in_channels=9),
            "cross_attention_dim is 768, the recipe has 48; .*in_channels is 9, the recipe has 4",
        ),
        (
            lambda model: edit(model / "scheduler/scheduler_config.json", _class_name="MadeUpScheduler"),
            "says MadeUpScheduler, the recipe serves with PNDMScheduler",
        ),
    ],
)
def test_a_source_that_can_not_be_compiled_is_refused_with_the_reason(
    damage: Callable[[Path], object], reason: str, model: Path, tmp_path: Path
) -> None:
    damage(model)

    with pytest.raises(SourceError, match=reason):
        check_source(opened(model, tmp_path).folder, RECIPE)


@pytest.mark.parametrize("text", ["/nowhere/at/all", "./model", "model.safetensors"])
def test_what_is_not_there_is_no_source(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no source: there is no such folder or file here"):
        opened(text, tmp_path)


def test_a_folder_of_two_models_is_refused_with_their_names(model: Path, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    shutil.copytree(model, tmp_path / "both/one")
    shutil.copytree(model, tmp_path / "both/two")

    with pytest.raises(SourceError, match=r"holds 2 models .one, two.: name one of these folders"):
        opened(tmp_path / "both", tmp_path)
