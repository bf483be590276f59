"""The payload of the containers' own Stable Diffusion handlers, as an image request.

    {"prompt": "...", "parameters": {"num_inference_steps": 30, "guidance_scale": 7.5, ...}}

The parameters are a diffusers pipeline's, by its names (djl-serving, djl_python/stable_diffusion_inf2.py; the
Hugging Face toolkit does the same with "inputs"). A client of such an endpoint need not change.
"""

import json
from typing import Any

from serving.recipe import Recipe

# A diffusers pipeline's names; seed is not one of them, but without it a picture can't be asked for again.
PARAMETERS = {
    "negative_prompt": "negative_prompt",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance_scale",
    "width": "width",
    "height": "height",
    "seed": "seed",
}


def as_image_request(payload: str | bytes, recipe: Recipe) -> str | bytes:
    """Translate a payload of that form; any other is given back as it is, for its reader to judge.

    What the parameters leave open is the recipe's default, the first size and seed 0.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    if not isinstance(content, dict) or not {"prompt"} <= content.keys() <= {"prompt", "parameters"}:
        return payload
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        return payload
    width, height = recipe.sizes[0]
    defaults: dict[str, Any] = {
        "negative_prompt": "",
        "seed": 0,
        "steps": int(recipe.steps.default),
        "guidance_scale": recipe.guidance_scale.default,
        "width": width,
        "height": height,
    }
    # A name that is none of them stays, and is refused with the other reasons.
    named = {PARAMETERS.get(name, f"parameters.{name}"): value for name, value in parameters.items()}
    return json.dumps({"prompt": content["prompt"], **defaults, **named})
