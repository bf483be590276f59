"""A campaign with what it names looked up: what the stacks read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from darkroom.campaign.bundle import LocalBundle, RemoteBundle
from darkroom.campaign.model import ADAPTER, CHIPS, CORES_PER_CHIP, Campaign, Container, InstanceType
from darkroom.campaign.recipe import Recipe


def most_workers(instance_type: InstanceType, recipe: Recipe) -> int:
    """Workers that the instance's NeuronCores allow: a core belongs to one process."""
    return CHIPS[instance_type] * CORES_PER_CHIP // recipe.neuron_cores_per_worker


@dataclass(frozen=True)
class ResolvedCampaign:
    """A valid campaign file, its recipe and its bundle; the defaults that depend on them.

    Attributes:
        bundle: None only with a build section: the first build brings the first bundle.
    """

    file: Campaign
    recipe: Recipe
    bundle: LocalBundle | RemoteBundle | None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> tuple[int, int]:
        """Default width and height in pixels."""
        width, height = self.recipe.sizes[0]
        return self.file.model.width or width, self.file.model.height or height

    @property
    def steps(self) -> int:
        """Default number of denoising steps."""
        return self.file.model.steps or self.recipe.steps.default

    @property
    def guidance_scale(self) -> float:
        """Default guidance scale."""
        chosen = self.file.model.guidance_scale
        return self.recipe.guidance_scale.default if chosen is None else chosen

    @property
    def container(self) -> Container:
        """The model server: the campaign's choice, else the one that the bundle is laid out for."""
        adapter = self.bundle.adapter if isinstance(self.bundle, LocalBundle) else "sagemaker"
        chosen = self.file.endpoint.container
        if chosen is not None:
            return chosen
        return next(container for container, laid_out in ADAPTER.items() if laid_out == adapter)

    @property
    def workers_per_instance(self) -> int:
        """Pictures that an instance draws at once."""
        endpoint = self.file.endpoint
        return endpoint.workers_per_instance or most_workers(endpoint.instance_type, self.recipe)

    @property
    def seconds_per_image(self) -> float:
        """Seconds that one worker takes for one picture at the campaign's size and steps."""
        width, height = self.size
        return self.file.scaling.seconds_per_image or self.recipe.seconds_for(
            width=width, height=height, steps=self.steps
        )

    @cached_property
    def model_id(self) -> str:
        """What draws: part of every job's id, so another bundle never serves this one's pictures.

        With a build section only until the first build: then what it published draws.
        """
        return self.model_id_of("none" if self.bundle is None else self.bundle.version)

    def model_id_of(self, version: str) -> str:
        """What draws when the bundle of that version is served."""
        return f"{self.recipe.name}@{version}"
