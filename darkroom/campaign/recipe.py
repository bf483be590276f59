"""What a model family can do: the part of ``model_artifacts/recipes/NAME.json`` that campaigns use."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    # Recipes carry more, for the compiler and for serving: what campaigns do not use is let pass.
    model_config = ConfigDict(extra="ignore", frozen=True)


class StepRange(_Part):
    """Denoising steps: the range, and the number for a request that names none."""

    minimum: int
    maximum: int
    default: int


class GuidanceRange(_Part):
    """Guidance scale: the range and the default; a maximum of 0 is a guidance-free model."""

    minimum: float
    maximum: float
    default: float


class SizeTime(_Part):
    """Seconds for one picture of one size, at the steps of the :class:`PictureTime` it belongs to."""

    size: tuple[int, int]
    value: float
    source: str


class PictureTime(_Part):
    """Seconds that one worker takes for one picture at so many steps, and who says so.

    ``value`` is for the first compiled size; ``by_size`` has the others that were published.
    """

    value: float = Field(gt=0)
    steps: int = Field(gt=0)
    source: str
    by_size: tuple[SizeTime, ...] = ()


class Recipe(_Part):
    """A model family, as far as a campaign is concerned."""

    name: str
    sizes: tuple[tuple[int, int], ...] = Field(min_length=1)
    steps: StepRange
    guidance_scale: GuidanceRange
    neuron_cores_per_worker: int = Field(ge=1)
    seconds_per_image: PictureTime

    def compiled_for(self, sizes: tuple[tuple[int, int], ...]) -> Recipe:
        """The recipe as a bundle has it that was compiled for these sizes; all of them if there are none."""
        return self.model_copy(update={"sizes": sizes or self.sizes})

    def seconds_for(self, *, width: int, height: int, steps: int) -> float:
        """Seconds that one worker takes for one picture: the published time, in proportion to the steps.

        The text encoders and the decoder run once whatever the steps, so this is a little low for
        fewer steps than were measured; a campaign's own measurement is better.
        """
        at_size = {time.size: time.value for time in self.seconds_per_image.by_size}
        seconds = at_size.get((width, height), self.seconds_per_image.value)
        return seconds * steps / self.seconds_per_image.steps


def recipe_names(recipes: Path) -> list[str]:
    """The recipes there are."""
    return sorted(path.stem for path in recipes.glob("*.json"))


def read_recipe(recipes: Path, name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        OSError: there is none.
        pydantic.ValidationError: the file is no recipe.
    """
    return Recipe.model_validate_json((recipes / f"{name}.json").read_bytes())
