"""The files that a bundle holds for its model server."""

from pathlib import Path

import pytest
from serving.recipe import Recipe, read_recipe

from neuron_build import ROOT
from neuron_build.adapters import ADAPTERS, adapter_files, no_code, own_script
from tests.neuron_build.djl_serving_properties import READ_BY

RECIPES = sorted((ROOT / "model_artifacts/recipes").glob("*.json"))


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    path: Path = request.param
    return read_recipe(path)


def test_djl_serving_reads_every_property_that_is_written(recipe: Recipe) -> None:
    without_code = no_code(recipe, model="s3://bucket/compiled/", size=(512, 512))

    assert own_script(recipe).keys() <= READ_BY.keys()
    assert without_code.keys() <= READ_BY.keys()


def test_a_worker_gets_the_cores_of_its_recipe_and_one_request_at_a_time(recipe: Recipe) -> None:
    lines = adapter_files("djl", recipe)["serving.properties"].decode().splitlines()
    properties = dict(line.split("=", 1) for line in lines)

    assert properties["engine"] == "Python"
    assert properties["option.entryPoint"] == "model.py"
    assert int(properties["option.tensor_parallel_degree"]) == recipe.neuron_cores_per_worker
    assert (properties["minWorkers"], properties["maxWorkers"], properties["batch_size"]) == ("1", "1", "1")


def test_no_time_out_stands_in_the_way_of_the_endpoints_own(recipe: Recipe) -> None:
    # A property in the file comes before the container's environment (PyModel.load, PyEnv.getPredictTimeout).
    assert not [name for name in own_script(recipe) if "timeout" in name]


def test_without_code_the_containers_own_handler_draws_one_size_in_one_type(recipe: Recipe) -> None:
    properties = no_code(recipe, model="s3://bucket/compiled/", size=(512, 768))

    assert properties["option.entryPoint"] == "djl_python.transformers_neuronx"
    assert properties["option.use_stable_diffusion"] == "true"
    assert (properties["option.width"], properties["option.height"]) == (512, 768)
    assert properties["option.dtype"] == "bf16"
    with pytest.raises(ValueError, match="takes bf16 and fp32, not 'fp16'"):
        no_code(recipe, model="s3://bucket/compiled/", size=(512, 512), dtype="fp16")


def test_each_adapter_brings_what_its_server_calls_first(recipe: Recipe) -> None:
    assert set(adapter_files("sagemaker", recipe)) == {"code/inference.py"}
    assert set(adapter_files("djl", recipe)) == {"model.py", "serving.properties"}
    with pytest.raises(ValueError, match=f"there is: {', '.join(ADAPTERS)}"):
        adapter_files("triton", recipe)
