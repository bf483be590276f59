"""What is known of a model family: its parts for building, and how a prompt conditions the UNet for serving.

One module a family, found by its name. Importing one imports no torch: building looks at the parts of an
unchanged model and must be done in a moment.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from serving.image_request import ImageRequest
from serving.recipe import Recipe, Size

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype (torch's name of it) of a tensor that a compiled part takes."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PartDefinition:
    """A part of the model that is compiled by itself.

    Attributes:
        component: folder of the diffusers source that holds its weights.
        wrap: from the loaded component to the module to trace: tensors in, a tensor or a tuple of tensors
            out. The component may be changed by it and is not to be used for anything else afterwards.
        inputs: specifications of the example inputs, batch one, for a size (None for a part that has none).
        sized: compiled once for every size; otherwise once.
    """

    component: str
    wrap: Callable[[Any], Any]
    inputs: Callable[[Recipe, Size | None], tuple[TensorSpec, ...]]
    sized: bool


class TextModel(Protocol):
    """What a family conditions with: the loaded model, as far as text is concerned."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The content of model_index.json."""
        ...

    def tokens(self, tokenizer: str, text: str) -> Tensor:
        """Token numbers of a text, int64 [1, tokens], by the tokenizer of that folder."""
        ...

    def run(self, part: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run a part that is compiled once."""
        ...


@dataclass(frozen=True)
class Family:
    """A model family.

    Attributes:
        pipelines: classes of diffusers' pipelines that its models are saved as.
        parts: by name, in the order they are compiled.
        configuration: folders of the diffusers source that serving reads beside model_index.json and
            vae/config.json; they hold no weights.
        condition: from a model, a request and whether it is guided to the tensors that the UNet takes after
            latents and timestep, batch one. Guided: batch two, the negative prompt first.
        scheduler_settings: what takes the place of the model's own where its scheduler has such a setting.
    """

    name: str
    pipelines: tuple[str, ...]
    parts: Mapping[str, PartDefinition]
    configuration: tuple[str, ...]
    condition: Callable[[TextModel, ImageRequest, bool], tuple[Tensor, ...]]
    scheduler_settings: Mapping[str, Any] = field(default_factory=dict)


def family(name: str) -> Family:
    """The family that serving.families.NAME defines as FAMILY.

    Raises:
        ValueError: there is no such module.
    """
    module = f"{__name__}.{name}"
    try:
        found: Family = importlib.import_module(module).FAMILY
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name != module:
            raise
        raise ValueError(f"no model family {name!r}: serving/families/ has no such module") from error
    return found


def parts_to_compile(recipe: Recipe) -> list[tuple[str, Size | None]]:
    """Every part of a recipe in the order of its family, a sized one once a size.

    Raises:
        ValueError: the recipe's parts are not its family's.
    """
    parts = family(recipe.family).parts
    if parts.keys() != recipe.parts.keys():
        named = ", ".join(recipe.parts) or "none"
        raise ValueError(
            f"{recipe.name} must plan the parts {', '.join(parts)} of {recipe.family}, not {named}"
        )
    return [
        (name, size) for name, part in parts.items() for size in (recipe.sizes if part.sized else (None,))
    ]
