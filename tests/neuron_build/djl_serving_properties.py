"""What DJL Serving 0.30.0 reads in serving.properties, as far as we use it, and where it reads it.

From deepjavalibrary/djl-serving, branch 0.30.0-dlc, of which the container
djl-inference:0.30.0-neuronx-sdk2.20.1 is made. ModelInfo.load cuts `option.` off.
"""

WLM = "wlm/src/main/java/ai/djl/serving/wlm/ModelInfo.java"
MODEL = "engines/python/src/main/java/ai/djl/python/engine/PyModel.java"
PREDICTOR = "engines/python/src/main/java/ai/djl/python/engine/PyPredictor.java"
DIFFUSION = "engines/python/setup/djl_python/properties_manager/sd_inf2_properties.py"
COMMON = "engines/python/setup/djl_python/properties_manager/properties.py"
NEURON = "engines/python/setup/djl_python/transformers_neuronx.py"

READ_BY = {
    "engine": WLM,
    "batch_size": WLM,
    "job_queue_size": WLM,
    "load_on_devices": WLM,
    "minWorkers": WLM,
    "maxWorkers": WLM,
    "option.parallel_loading": WLM,
    "option.tensor_parallel_degree": MODEL,
    "option.entryPoint": MODEL,
    "option.predict_timeout": MODEL,
    "option.model_loading_timeout": MODEL,
    "option.rolling_batch": PREDICTOR,
    "option.model_id": COMMON,
    "option.dtype": DIFFUSION,
    "option.height": DIFFUSION,
    "option.width": DIFFUSION,
    "option.num_images_per_prompt": DIFFUSION,
    "option.use_stable_diffusion": NEURON,
}
