import json
from pathlib import Path
from typing import Any

import pytest
from serving.families import TensorSpec, family, parts_to_compile
from serving.recipe import Limits, Recipe, compiled_name, read_recipe, read_size, size_name

RECIPES = Path(__file__).resolve().parents[2] / "model_artifacts/recipes"
ALL = sorted(path.stem for path in RECIPES.glob("*.json"))


def recipe(name: str) -> Recipe:
    return read_recipe(RECIPES / f"{name}.json")


@pytest.mark.parametrize("name", ALL)
def test_every_recipe_is_read_and_its_defaults_are_within_its_limits(name: str) -> None:
    read = recipe(name)

    assert read.name == name
    assert read.steps.allow(read.steps.default)
    assert read.guidance_scale.allow(read.guidance_scale.default)
    assert read.source.model
    assert read.source.licence


@pytest.mark.parametrize("name", ALL)
def test_every_part_of_the_family_is_planned_once_a_size_or_once(name: str) -> None:
    read = recipe(name)
    compiled = parts_to_compile(read)

    assert {part for part, _ in compiled} == family(read.family).parts.keys() == read.parts.keys()
    assert len(set(compiled)) == len(compiled)
    for part, definition in family(read.family).parts.items():
        sizes = [size for name, size in compiled if name == part]
        assert sizes == (list(read.sizes) if definition.sized else [None])


@pytest.mark.parametrize("name", ALL)
def test_guidance_takes_a_core_for_each_half_and_all_else_the_first_core(name: str) -> None:
    read = recipe(name)
    guided = read.guidance_scale.maximum > 1

    # The two halves of guidance run side by side; a model without guidance has nothing to divide.
    assert read.plan("unet").cores == ((0, 1) if guided else (0,))
    assert all(part.plan.cores == (0,) for part_name, part in read.parts.items() if part_name != "unet")


# AWS's published samples: inputs of each part in order, batch one.
DOCUMENTED: dict[tuple[str, str, tuple[int, int] | None], list[tuple[tuple[int, ...], str]]] = {
    ("sdxl", "text_encoder", None): [((1, 77), "int64")],
    ("sdxl", "text_encoder_2", None): [((1, 77), "int64")],
    ("sdxl", "unet", (1024, 1024)): [
        ((1, 4, 128, 128), "float32"),
        ((1,), "float32"),
        ((1, 77, 2048), "float32"),
        ((1, 1280), "float32"),
        ((1, 6), "float32"),
    ],
    ("sdxl", "vae_decoder", (1024, 1024)): [((1, 4, 128, 128), "float32")],
    ("sdxl", "vae_post_quant_conv", (1024, 1024)): [((1, 4, 128, 128), "float32")],
    ("sd21", "unet", (512, 512)): [
        ((1, 4, 64, 64), "bfloat16"),
        ((1,), "float32"),
        ((1, 77, 1024), "bfloat16"),
    ],
    ("sd21", "unet", (768, 768)): [
        ((1, 4, 96, 96), "bfloat16"),
        ((1,), "float32"),
        ((1, 77, 1024), "bfloat16"),
    ],
    ("sd21", "vae_decoder", (512, 512)): [((1, 4, 64, 64), "float32")],
    ("sd21", "vae_decoder", (768, 768)): [((1, 4, 96, 96), "bfloat16")],
    ("sd15", "unet", (512, 512)): [
        ((1, 4, 64, 64), "bfloat16"),
        ((1,), "float32"),
        ((1, 77, 768), "bfloat16"),
    ],
}


@pytest.mark.parametrize(("name", "part", "size"), DOCUMENTED, ids=lambda value: str(value))
def test_shapes_are_the_documented_ones(name: str, part: str, size: tuple[int, int] | None) -> None:
    inputs = family(recipe(name).family).parts[part].inputs(recipe(name), size)

    assert inputs == tuple(TensorSpec(*expected) for expected in DOCUMENTED[name, part, size])


@pytest.mark.parametrize("name", ["sdxl", "sdxl-turbo"])
def test_sdxl_casts_matrix_products_and_compiles_unet_and_decoder_as_a_unet(name: str) -> None:
    for part, described in recipe(name).parts.items():
        arguments = described.plan.compiler_args
        assert {"--auto-cast=matmult", "--auto-cast-type=bf16"} <= set(arguments)
        assert ("--model-type=unet-inference" in arguments) == (part in {"unet", "vae_decoder"})


@pytest.mark.parametrize("name", ["sd21", "sd15"])
def test_what_is_bfloat16_already_is_not_cast(name: str) -> None:
    read = recipe(name)
    for part, size in parts_to_compile(read):
        plan = read.plan(part, size)
        assert ("--auto-cast=none" in plan.compiler_args) == (plan.dtype == "bfloat16")


def valid() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RECIPES / "tiny-sdxl.json").read_text())
    return content


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_recipe_is_what_the_file_says(tmp_path: Path) -> None:
    read = read_recipe(written(tmp_path, valid()))

    assert (read.name, read.family, read.sizes[1]) == ("tiny-sdxl", "sdxl", (160, 96))
    assert read.steps == Limits(1, 8, 8)
    assert read.dimensions.latent_shape((160, 96)) == (1, 4, 12, 20)


def test_a_size_may_have_a_plan_of_its_own(tmp_path: Path) -> None:
    content = valid()
    content["parts"]["vae_decoder"]["by_size"] = {"160x96": {"dtype": "bfloat16"}}
    read = read_recipe(written(tmp_path, content))

    assert read.plan("vae_decoder", (160, 96)).dtype == "bfloat16"
    assert read.plan("vae_decoder", (128, 128)).dtype == "float32"
    assert read.plan("vae_decoder", (160, 96)).compiler_args == read.plan("vae_decoder").compiler_args


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no recipe"),
        ("[]", "is no recipe"),
        ('{"name": "r"}', "the field 'family' is missing"),
        (valid() | {"sizes": [[8]]}, "is no recipe"),
        (valid() | {"steps": {"minimum": 1}}, "is no recipe"),
        (valid() | {"sizes": [[128, 100]]}, "128x100 is not divisible by 8"),
        (valid() | {"neuron_cores_per_worker": 1}, r"parts.unet: cores must be some of \[0\]"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_recipe(written(tmp_path, content))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dtype": "int8"}, "dtype must be one of"),
        ({"compiler_args": []}, "must say --auto-cast"),
        ({"cores": []}, "cores must be some of"),
        ({"cores": [0, 0]}, "cores must be some of"),
        ({"cores": [1]}, "runs on the first, 0"),
        ({"by_size": {"160": {}}}, "a size is WIDTHxHEIGHT"),
        ({"cpu": 1}, "is no recipe"),
    ],
)
def test_a_part_that_can_not_be_compiled_is_refused(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    content = valid()
    content["parts"]["unet"] |= change
    with pytest.raises(ValueError, match=reason):
        read_recipe(written(tmp_path, content))


def test_a_recipe_plans_the_parts_of_its_family_and_no_other(tmp_path: Path) -> None:
    content = valid()
    del content["parts"]["vae_decoder"]
    with pytest.raises(ValueError, match=r"tiny-sdxl must plan the parts .*vae_decoder"):
        parts_to_compile(read_recipe(written(tmp_path, content)))


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(ValueError, match="no model family 'flux'"):
        family("flux")


def test_compiled_parts_are_named_after_part_and_size() -> None:
    assert compiled_name("unet", (160, 96)) == "unet-160x96"
    assert compiled_name("text_encoder", None) == "text_encoder"
    assert read_size(size_name((160, 96))) == (160, 96)
