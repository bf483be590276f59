"""A model of a hub, by its id: only the files that a bundle is made of.

Run against a local server with a hub's answers (tests/neuron_build/sources/test_hub.py); no hub can be reached
where this was written. HF_ENDPOINT, HF_TOKEN and HF_HOME apply as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from serving.families import family
from serving.recipe import Recipe

from neuron_build.sources import SourceError
from neuron_build.sources.diffusers_folder import INDEX


def snapshot(text: str, recipe: Recipe, cache: Path, report: Callable[[str], None]) -> tuple[Path, str]:
    """The folder of a model `org/name` or `org/name@revision`, and the commit it is at.

    Raises:
        SourceError: there is no such model, it may not be read, or no hub answers and nothing was kept.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise SourceError(f"a hub's model needs huggingface_hub: pip install {error.name}") from error
    name, _, revision = text.partition("@")
    report(f"downloading {text}")
    try:
        folder = snapshot_download(
            name,
            revision=revision or None,
            allow_patterns=_patterns(recipe),
            ignore_patterns=["*.fp16.safetensors", "*.non_ema.safetensors"],  # the same weights again
            cache_dir=cache / "hub",
        )
    except LocalEntryNotFoundError as error:
        raise SourceError(
            f"{text} can't be fetched: no hub answers and nothing of it is kept here. Where there is no way to a "
            "hub, download the model elsewhere and give its folder with --source"
        ) from error
    except HfHubHTTPError as error:
        raise SourceError(f"{text} can't be fetched: {error.server_message or error}") from error
    return Path(folder), Path(folder).name


def _patterns(recipe: Recipe) -> list[str]:
    known = family(recipe.family)
    components = sorted({definition.component for definition in known.parts.values()})
    weights = [f"{name}/*{suffix}" for name in components for suffix in (".json", ".safetensors")]
    return [INDEX, "README.md", *weights, *(f"{name}/*" for name in known.configuration)]
