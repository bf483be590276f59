"""What a bundle holds for the model server that will run it, beside code/serving/ and code/recipe.json.

serving.properties is read by DJL Serving, in a Large Model Inference container. What each property means
there was looked up in deepjavalibrary/djl-serving, branch 0.30.0-dlc; the list in
tests/neuron_build/djl_serving_properties.py says in which file.
"""

from collections.abc import Mapping

from serving.recipe import Recipe, Size

from neuron_build import ROOT

SAGEMAKER, DJL = "sagemaker", "djl"
ADAPTERS = (SAGEMAKER, DJL)

MODEL_ARTIFACTS = ROOT / "model_artifacts"

# The container's own handler for Stable Diffusion on Neuron is reached through this one.
NEURON_HANDLER = "djl_python.transformers_neuronx"

# More than the workers of the largest instance, less than a client should ever wait for.
JOB_QUEUE_SIZE = 100

Properties = Mapping[str, object]


def adapter_files(adapter: str, recipe: Recipe) -> dict[str, bytes]:
    """The files of an adapter, by their path in the bundle.

    Raises:
        ValueError: there is no such adapter.
    """
    if adapter == SAGEMAKER:
        return {"code/inference.py": (MODEL_ARTIFACTS / "inference.py").read_bytes()}
    if adapter == DJL:
        return {
            "model.py": (MODEL_ARTIFACTS / "djl/model.py").read_bytes(),
            "serving.properties": _text(own_script(recipe)).encode(),
        }
    raise ValueError(f"no adapter {adapter!r}; there is: {', '.join(ADAPTERS)}")


def own_script(recipe: Recipe) -> Properties:
    """serving.properties of a bundle that brings model.py.

    No time-outs: the endpoint's environment has them (PREDICT_TIMEOUT, MODEL_LOADING_TIMEOUT), and what
    stands here would override it. No option.dtype: it is for handlers that cast weights, and the parts of a
    bundle are compiled.
    """
    return {
        **_one_request_at_a_time(recipe),
        "option.entryPoint": "model.py",
        # Workers on other cores load side by side: a part is loaded from the disk, not compiled.
        "option.parallel_loading": "true",
    }


def no_code(recipe: Recipe, *, model: str, size: Size, dtype: str = "bf16") -> Properties:
    """serving.properties that alone serves a model of optimum-neuron's, with the container's own handler.

    It is no bundle of ours: there is no manifest to verify, one size, and a payload {"prompt", "parameters"}.

    Args:
        model: a folder in the container, an s3:// prefix or a hub's name. A model that is not compiled would
            be compiled whenever a worker starts.
        size: (width, height) in pixels.
        dtype: bf16 or fp32; what the handler takes.

    Raises:
        ValueError: the handler takes no such type.
    """
    if dtype not in ("bf16", "fp32"):
        raise ValueError(f"the container's Stable Diffusion handler takes bf16 and fp32, not {dtype!r}")
    width, height = size
    return {
        **_one_request_at_a_time(recipe),
        "option.entryPoint": NEURON_HANDLER,
        "option.use_stable_diffusion": "true",
        "option.model_id": model,
        "option.dtype": dtype,
        "option.height": height,
        "option.width": width,
        "option.num_images_per_prompt": 1,
    }


def _one_request_at_a_time(recipe: Recipe) -> Properties:
    return {
        "engine": "Python",
        # Cores a worker: DJL Serving starts one Python process for as many cores, and gives each its own in
        # NEURON_RT_VISIBLE_CORES. Nothing is split over them but what the handler splits.
        "option.tensor_parallel_degree": recipe.neuron_cores_per_worker,
        # Rolling batches are for text.
        "option.rolling_batch": "disable",
        "batch_size": 1,
        # On each device, that is on each worker's share of the cores.
        "minWorkers": 1,
        "maxWorkers": 1,
        "job_queue_size": JOB_QUEUE_SIZE,
    }


def _text(properties: Properties) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())
