"""What a model can draw and how it is compiled, read from recipes/NAME.json or a bundle's code/recipe.json.

Needs no library: building looks at recipes where torch is not to be imported. docs/architecture.md
describes the file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Size = tuple[int, int]

DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Limits:
    """The values a number may take, ends included, and the one it takes when nobody says."""

    minimum: float
    maximum: float
    default: float

    def allow(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True)
class Source:
    """What is compiled when nobody names another model, and under what terms it may be used."""

    model: str
    licence: str


@dataclass(frozen=True)
class Dimensions:
    """The widths that the shapes of a family's tensors follow from.

    Attributes:
        tokens: tokens a text encoder reads, padding included.
        text: channels of the text embeddings the UNet attends to.
        latent_channels: channels of the latents.
        latent_scale: pixels along one side of a latent.
        pooled: channels of the pooled text embedding; None where the UNet takes none.
        time_ids: numbers that tell the UNet of sizes and crops; None where it takes none.
    """

    tokens: int
    text: int
    latent_channels: int
    latent_scale: int
    pooled: int | None = None
    time_ids: int | None = None

    def latent_shape(self, size: Size) -> tuple[int, int, int, int]:
        """[batch of one, channels, height, width] of the latents of a picture (width, height)."""
        width, height = size
        return 1, self.latent_channels, height // self.latent_scale, width // self.latent_scale


@dataclass(frozen=True)
class PartPlan:
    """How one part is compiled and where it runs.

    Attributes:
        dtype: of weights and computation, one of DTYPES.
        compiler_args: for neuronx-cc; another compiler has no use for them.
        cores: NeuronCores by their number within the worker's own. On several the batch is divided over
            them, and the part is compiled for a batch of one.
        host_memory_gib: memory of the host that compiling it takes, GiB.
    """

    dtype: str
    compiler_args: tuple[str, ...]
    cores: tuple[int, ...]
    host_memory_gib: float


@dataclass(frozen=True)
class Part:
    """A part of the recipe: its plan, and the plan where a size has one of its own."""

    plan: PartPlan
    by_size: Mapping[Size, PartPlan]


@dataclass(frozen=True)
class Recipe:
    """A model family's member, as far as building and serving are concerned.

    Attributes:
        family: module of serving.families that knows the architecture.
        sizes: (width, height) pairs in pixels the model's parts are compiled for.
        steps: denoising steps, whole numbers.
        guidance_scale: strength of classifier-free guidance; a maximum of 0 is a model without it.
        neuron_cores_per_worker: NeuronCores that belong to one worker.
        schedulers: classes of diffusers.schedulers; the model's own must be one of them.
        parts: by the family's names.
    """

    name: str
    family: str
    sizes: tuple[Size, ...]
    steps: Limits
    guidance_scale: Limits
    neuron_cores_per_worker: int
    source: Source
    schedulers: tuple[str, ...]
    dimensions: Dimensions
    parts: Mapping[str, Part]

    def plan(self, part: str, size: Size | None = None) -> PartPlan:
        """How a part is compiled, for one size where that makes a difference."""
        described = self.parts[part]
        return described.plan if size is None else described.by_size.get(size, described.plan)


def size_name(size: Size) -> str:
    """WIDTHxHEIGHT, as people and files write a size."""
    return f"{size[0]}x{size[1]}"


def read_size(text: str) -> Size:
    """The opposite of size_name.

    Raises:
        ValueError: the text is not WIDTHxHEIGHT in whole pixels.
    """
    width, x, height = text.partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise ValueError(f"a size is WIDTHxHEIGHT such as 512x512, not {text!r}")
    return int(width), int(height)


def compiled_name(part: str, size: Size | None) -> str:
    """What a bundle calls a compiled part: its own name, with the size it was compiled for if any."""
    return part if size is None else f"{part}-{size_name(size)}"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        ValueError: the file is no recipe; the message names the file and what is wrong with it.
    """
    try:
        recipe = _recipe(json.loads(path.read_bytes()))
        problems = list(_problems(recipe))
    except KeyError as error:
        raise ValueError(f"{path} is no recipe: the field {error} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no recipe: {error}") from error
    if problems:
        raise ValueError(f"{path} is no recipe: " + "; ".join(problems))
    return recipe


def _recipe(content: Mapping[str, Any]) -> Recipe:
    return Recipe(
        name=content["name"],
        family=content["family"],
        sizes=tuple((width, height) for width, height in content["sizes"]),
        steps=Limits(**content["steps"]),
        guidance_scale=Limits(**content["guidance_scale"]),
        neuron_cores_per_worker=content["neuron_cores_per_worker"],
        source=Source(**content["source"]),
        schedulers=tuple(content["schedulers"]),
        dimensions=Dimensions(**content["dimensions"]),
        parts={name: _part(part) for name, part in content["parts"].items()},
    )


def _part(content: Mapping[str, Any]) -> Part:
    fields = dict(content)
    by_size: Mapping[str, Any] = fields.pop("by_size", {})
    plan = PartPlan(**_tuples(fields))
    return Part(plan, {read_size(size): replace(plan, **_tuples(own)) for size, own in by_size.items()})


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _problems(recipe: Recipe) -> Iterator[str]:
    scale = recipe.dimensions.latent_scale
    for size in recipe.sizes:
        if size[0] % scale or size[1] % scale:
            yield f"{size_name(size)} is not divisible by {scale}, the pixels along a latent"
    for name, part in recipe.parts.items():
        for plan in (part.plan, *part.by_size.values()):
            yield from (f"parts.{name}: {problem}" for problem in _plan_problems(plan, recipe))


def _plan_problems(plan: PartPlan, recipe: Recipe) -> Iterator[str]:
    if plan.dtype not in DTYPES:
        yield f"dtype must be one of {', '.join(DTYPES)}, it is {plan.dtype!r}"
    own = range(recipe.neuron_cores_per_worker)
    if not plan.cores or len(set(plan.cores)) < len(plan.cores) or not set(plan.cores) <= set(own):
        yield f"cores must be some of {list(own)}, the worker's own, they are {list(plan.cores)}"
    elif len(plan.cores) == 1 and plan.cores != (0,):
        yield f"a part on a single core runs on the first, 0, not on {plan.cores[0]}"
    # The compiler's default differs between versions: matmult to bfloat16 up to SDK 2.26, none since.
    casts = [argument for argument in plan.compiler_args if argument.startswith("--auto-cast=")]
    if len(casts) != 1:
        yield "compiler_args must say --auto-cast=... once: its default differs between versions"
