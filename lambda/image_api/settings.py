"""What the stack tells its functions: the environment variables, parsed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SettingsError(ValueError):
    """The function's environment is incomplete or wrong; names every variable at fault."""


@dataclass(frozen=True)
class NumberRule:
    """An inclusive range and the value taken when a request names none."""

    minimum: float
    maximum: float
    default: float


@dataclass(frozen=True)
class RequestRules:
    """What the campaign's model can draw.

    Attributes:
        prompt_maximum: longest prompt and negative prompt, in Unicode code points.
        sizes: (width, height) pairs in pixels for which the model was compiled.
        width: default width in pixels.
        height: default height in pixels.
        steps: denoising steps, whole numbers.
        guidance_scale: classifier-free guidance scale.
    """

    prompt_maximum: int
    sizes: tuple[tuple[int, int], ...]
    width: int
    height: int
    steps: NumberRule
    guidance_scale: NumberRule

    @property
    def body_maximum(self) -> int:
        """Bytes beyond which a request body cannot be valid.

        JSON may write a code point as two ``\\uXXXX`` escapes, 12 bytes; there are two prompts.
        """
        return 16_384 + 2 * 12 * self.prompt_maximum


@dataclass(frozen=True)
class Settings:
    """The environment of the image_api functions (see docs/architecture.md, Lambda functions).

    Attributes:
        drawings_queue: URL of the queue that the drawing function is given its work by; realtime only.
        moderation_rules: SHA-256 of the file that holds them; empty where the campaign has none.
    """

    campaign: str
    model_id: str
    jobs_table: str
    payloads_bucket: str
    pictures_bucket: str
    endpoint_name: str
    backend: str
    cache_seconds: int
    link_seconds: int
    max_attempts: int
    request_ttl_seconds: int
    invocation_timeout_seconds: int
    request_rules: RequestRules
    drawings_queue: str = ""
    moderation_rules: str = ""

    @property
    def is_realtime(self) -> bool:
        """Pictures are drawn by calls of our own, not by SageMaker out of its queue."""
        return self.backend == REALTIME


REALTIME = "sagemaker-realtime"
_NAMES = (
    "campaign",
    "model_id",
    "jobs_table",
    "payloads_bucket",
    "pictures_bucket",
    "endpoint_name",
    "backend",
)
_NUMBERS = (
    "cache_seconds",
    "link_seconds",
    "max_attempts",
    "request_ttl_seconds",
    "invocation_timeout_seconds",
)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings out of ``environment``.

    Raises:
        SettingsError: one message that names every missing or malformed variable.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for field in _NAMES:
        values[field] = environment.get(field.upper(), "")
        if not values[field]:
            faults.append(f"{field.upper()} is missing")
    for field in _NUMBERS:
        values[field] = _positive_integer(field.upper(), environment, faults)
    try:
        values["request_rules"] = parse_rules(environment.get("REQUEST_RULES", ""))
    except (ValueError, KeyError, TypeError) as error:
        faults.append(f"REQUEST_RULES does not hold the rules of docs/architecture.md ({error!r})")
    values["drawings_queue"] = environment.get("DRAWINGS_QUEUE", "")
    values["moderation_rules"] = environment.get("MODERATION_RULES", "")
    if values["backend"] == REALTIME and not values["drawings_queue"]:
        faults.append(f"DRAWINGS_QUEUE is missing, which BACKEND {REALTIME} needs")
    if faults:
        raise SettingsError("The function's environment is wrong: " + "; ".join(faults))
    return Settings(**values)


def parse_rules(text: str) -> RequestRules:
    """Parse REQUEST_RULES; raises ValueError, KeyError or TypeError where it is malformed."""
    rules = json.loads(text)
    return RequestRules(
        prompt_maximum=int(rules["prompt_maximum"]),
        sizes=tuple((int(width), int(height)) for width, height in rules["sizes"]),
        width=int(rules["width"]),
        height=int(rules["height"]),
        steps=NumberRule(**rules["steps"]),
        guidance_scale=NumberRule(**rules["guidance_scale"]),
    )


def _positive_integer(name: str, environment: Mapping[str, str], faults: list[str]) -> int:
    text = environment.get(name, "")
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    faults.append(f"{name} is {text!r} and must be a whole number above 0" if text else f"{name} is missing")
    return 0
