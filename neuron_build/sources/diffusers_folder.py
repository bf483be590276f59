"""What of a diffusers folder is compiled and served, and whether it is the model a recipe is for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.families import family
from serving.recipe import Recipe

from neuron_build.sources import SourceError

INDEX = "model_index.json"
SCHEDULER = "scheduler/scheduler_config.json"
VAE = "vae/config.json"

_LIBRARIES = ("diffusers", "transformers")
# What the two libraries call their weights: whole, or in shards that an index lists.
_WEIGHTS = ("diffusion_pytorch_model", "model")
_VARIANTS = (None, "fp16", "bf16")
_WEIGHT_FILES = (".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".index.json")


@dataclass(frozen=True)
class Component:
    """A component of a model: its folder, the class that loads it, and the files of its weights.

    Attributes:
        variant: the libraries' name for weights stored in another precision, such as "fp16".
        files: configuration and weights, all that a part compiled of it depends on.
    """

    folder: Path
    library: str
    class_name: str
    variant: str | None
    files: tuple[Path, ...]


def find_model(folder: Path, name: str) -> Path:
    """The folder itself, or the only one below it that holds a model_index.json.

    Raises:
        SourceError: there is none, or more than one.
    """
    if (folder / INDEX).is_file():
        return folder
    found = sorted(path.parent for path in folder.rglob(INDEX))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:5])
        raise SourceError(f"{name} holds {len(found)} models ({names}): name one of these folders")
    raise SourceError(
        f"{name} holds no diffusers model: no {INDEX} in it. A single checkpoint file is made into a folder by "
        "diffusers' from_single_file and save_pretrained"
    )


def component(folder: Path, name: str) -> Component:
    """A component by the name of its folder.

    Raises:
        SourceError: it is missing, of a library other than diffusers and transformers, or has no safetensors.
    """
    declared = _read(folder / INDEX).get(name)
    if not (isinstance(declared, list) and len(declared) == 2 and declared[0] in _LIBRARIES):
        raise SourceError(
            f"{folder / INDEX} must name {name} as a class of {' or '.join(_LIBRARIES)}, it says {declared!r}"
        )
    library, class_name = declared
    part = folder / name
    if not (part / "config.json").is_file():
        raise SourceError(f"{part} lacks config.json: the source is incomplete")
    variant, weights = _weights(part)
    return Component(part, library, class_name, variant, (part / "config.json", *weights))


def _weights(folder: Path) -> tuple[str | None, list[Path]]:
    for stem in _WEIGHTS:
        for variant in _VARIANTS:
            name = f"{stem}.{variant}" if variant else stem
            whole = folder / f"{name}.safetensors"
            # Both places are in use: model.safetensors.index.fp16.json and model.fp16.safetensors.index.json.
            suffix = f".{variant}" if variant else ""
            index = folder / f"{stem}.safetensors.index{suffix}.json"
            if whole.is_file():
                return variant, [whole]
            if index.is_file():
                return variant, [index, *_shards(index)]
    pickled = sorted(
        path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt")
    )
    if pickled:
        raise SourceError(
            f"{folder} has its weights pickled only ({', '.join(pickled)}), and loading a pickle runs whatever "
            "it holds: save the model with save_pretrained(..., safe_serialization=True)"
        )
    raise SourceError(
        f"{folder} holds no weights: there should be {_WEIGHTS[0]}.safetensors or {_WEIGHTS[1]}.safetensors"
    )


def _shards(index: Path) -> list[Path]:
    names = sorted(set(_read(index).get("weight_map", {}).values()))
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing or not names:
        raise SourceError(f"{index} names weights that are missing: {', '.join(missing) or 'none at all'}")
    return [index.parent / name for name in names]


def configuration_files(folder: Path, recipe: Recipe) -> list[Path]:
    """What serving reads of the source: no weights.

    Raises:
        SourceError: a file or folder is missing.
    """
    files = [folder / INDEX, folder / VAE]
    for name in family(recipe.family).configuration:
        found = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        if not found:
            raise SourceError(f"{folder} lacks {name}/, which serving needs")
        files += [path for path in found if not path.name.endswith(_WEIGHT_FILES)]
    return files


def source_files(folder: Path, recipe: Recipe) -> list[Path]:
    """Everything of a source that a bundle is made of.

    Raises:
        SourceError: a part of it is missing or can't be used.
    """
    components = {definition.component for definition in family(recipe.family).parts.values()}
    files = {path for name in components for path in component(folder, name).files}
    return sorted(files | set(configuration_files(folder, recipe)))


def check_source(folder: Path, recipe: Recipe) -> None:
    """Refuse a model that is not what a recipe is for.

    Raises:
        SourceError: its pipeline is another family's, its dimensions are others, or its scheduler is not one
            the recipe knows. All that is wrong is named.
    """
    source_files(folder, recipe)
    problems = [
        *_class_problems(folder, recipe),
        *_dimension_problems(folder, recipe),
        *_scheduler_problems(folder, recipe),
    ]
    if problems:
        raise SourceError(f"{folder} is no model for recipe {recipe.name}: " + "; ".join(problems))


def licence_in(folder: Path) -> str | None:
    """The licence that a model card names in its head, if there is a card."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    head = card.read_text(encoding="utf-8", errors="replace").partition("---\n")[2].partition("\n---")[0]
    named = re.search(r"^license(?:_name)?: *(\S.*)$", head, re.MULTILINE)
    return named.group(1).strip() if named else None


def _class_problems(folder: Path, recipe: Recipe) -> Iterator[str]:
    found, expected = _read(folder / INDEX).get("_class_name"), family(recipe.family).pipelines
    if found not in expected:
        yield f"{INDEX} says {found}, the family {recipe.family} is {' or '.join(expected)}"


def _scheduler_problems(folder: Path, recipe: Recipe) -> Iterator[str]:
    found = _read(folder / SCHEDULER).get("_class_name")
    if found not in recipe.schedulers:
        yield f"{SCHEDULER} says {found}, the recipe serves with {', '.join(recipe.schedulers)}"


def _dimension_problems(folder: Path, recipe: Recipe) -> Iterator[str]:
    """Compare what the recipe computes shapes from with the source's configurations."""
    dimensions = recipe.dimensions
    unet, vae = _read(folder / "unet/config.json"), _read(folder / VAE)
    encoders = [name for name in family(recipe.family).parts if name.startswith("text_encoder")]
    texts = [_read(folder / name / "config.json") for name in encoders]
    found: dict[str, tuple[object, object]] = {
        "unet/config.json cross_attention_dim": (unet.get("cross_attention_dim"), dimensions.text),
        "unet/config.json in_channels": (unet.get("in_channels"), dimensions.latent_channels),
        "vae/config.json latent_channels": (vae.get("latent_channels"), dimensions.latent_channels),
        "vae/config.json, pixels a latent": (
            2 ** (len(vae.get("block_out_channels", [])) - 1),
            dimensions.latent_scale,
        ),
        "hidden_size of the text encoders, together": (
            sum(text.get("hidden_size", 0) for text in texts),
            dimensions.text,
        ),
    }
    for name, text in zip(encoders, texts, strict=True):
        found[f"{name}/config.json max_position_embeddings"] = (
            text.get("max_position_embeddings", 77),
            dimensions.tokens,
        )
    if dimensions.pooled is not None and dimensions.time_ids is not None:
        embedded = dimensions.pooled + dimensions.time_ids * (unet.get("addition_time_embed_dim") or 0)
        found |= {
            f"{encoders[-1]}/config.json projection_dim": (
                texts[-1].get("projection_dim"),
                dimensions.pooled,
            ),
            "unet/config.json projection_class_embeddings_input_dim": (
                unet.get("projection_class_embeddings_input_dim"),
                embedded,
            ),
        }
    for name, (has, expected) in found.items():
        if has != expected:
            yield f"{name} is {has}, the recipe has {expected}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise SourceError(f"{path} is missing: the source is incomplete") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path} is no JSON object")
    return content
