import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from serving.recipe import Part, Recipe

from neuron_build import plan as planning
from neuron_build.digests import Digests
from neuron_build.plan import Plan, family_code, find_recipe, plan_parts
from neuron_build.sources.source import Source

RECIPE = find_recipe("tiny-sd15")


def planned(folder: Path, recipe: Recipe = RECIPE, target: str | None = None, compiler: str = "cpu") -> Plan:
    source = Source(folder, "m", "s", "l")
    return plan_parts(recipe, source, compiler_name=compiler, target=target, digests=Digests())


def addresses(plan: Plan) -> dict[str, str]:
    return {part.name: part.address for part in plan.parts}


def changed(before: Plan, after: Plan) -> set[str]:
    old, new = addresses(before), addresses(after)
    assert old.keys() == new.keys()
    return {name.partition("-")[0] for name in old if old[name] != new[name]}


@pytest.fixture
def model(tiny_sd15: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd15, tmp_path / "model"))


def test_every_part_has_an_address_of_its_own(tiny_sd15: Path) -> None:
    found = addresses(planned(tiny_sd15))

    assert list(found) == [
        *("text_encoder", "unet-64x64", "unet-96x96"),
        *("vae_decoder-64x64", "vae_decoder-96x96"),
        *("vae_post_quant_conv-64x64", "vae_post_quant_conv-96x96"),
    ]
    assert len(set(found.values())) == len(found)


def test_the_same_weights_elsewhere_have_the_same_addresses(tiny_sd15: Path, model: Path) -> None:
    assert addresses(planned(tiny_sd15)) == addresses(planned(model))


def test_other_weights_change_the_parts_made_of_them_and_no_other(model: Path) -> None:
    before = planned(model)
    weights = model / "vae/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")

    assert changed(before, planned(model)) == {"vae_decoder", "vae_post_quant_conv"}


def test_scheduler_placement_and_memory_change_no_part(model: Path) -> None:
    before = planned(model)
    (model / "scheduler/scheduler_config.json").write_text('{"_class_name": "DDIMScheduler"}')
    unet = RECIPE.parts["unet"]
    moved = Part(replace(unet.plan, cores=(1,), host_memory_gib=9), unet.by_size)
    recipe = replace(RECIPE, name="other", parts={**RECIPE.parts, "unet": moved})

    assert changed(before, planned(model, recipe)) == set()


def test_type_shapes_and_versions_change_parts(tiny_sd15: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, unet = planned(tiny_sd15), RECIPE.parts["unet"]
    half = Part(replace(unet.plan, dtype="bfloat16"), unet.by_size)
    assert changed(before, planned(tiny_sd15, replace(RECIPE, parts={**RECIPE.parts, "unet": half}))) == {
        "unet"
    }

    wider = replace(RECIPE, dimensions=replace(RECIPE.dimensions, text=64))
    assert changed(before, planned(tiny_sd15, wider)) == {"unet"}

    monkeypatch.setattr(planning, "version", lambda _: "99")
    assert changed(before, planned(tiny_sd15)) == {
        *("text_encoder", "unet", "vae_decoder", "vae_post_quant_conv"),
    }


def test_another_familys_module_is_none_of_a_familys_code() -> None:
    names = {path.name for path in family_code("sd")}

    assert {"sd.py", "wrappers.py", "latent_diffusion.py"} <= names
    assert "sdxl.py" not in names
