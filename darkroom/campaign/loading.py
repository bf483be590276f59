"""Loads one campaign or all of them; whatever is wrong is raised as one list."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from darkroom.campaign.access import Api, access_problems
from darkroom.campaign.bundle import BundleError, LocalBundle, RemoteBundle, find_bundle
from darkroom.campaign.explaining import explain, without
from darkroom.campaign.mode import mode_problems, with_defaults_of_mode
from darkroom.campaign.model import Cache, Campaign, Endpoint, Model, Scaling
from darkroom.campaign.moderation import Moderation, moderation_problems
from darkroom.campaign.network import network_problems
from darkroom.campaign.problem import CampaignError, FieldPath, Problem, one_of
from darkroom.campaign.reading import Document, read_document
from darkroom.campaign.recipe import Recipe, read_recipe, recipe_names
from darkroom.campaign.resolved import ResolvedCampaign
from darkroom.campaign.rules import (
    bundle_problems,
    container_problems,
    endpoint_problems,
    model_problems,
    scaling_problems,
    time_problems,
)

REPOSITORY = Path(__file__).resolve().parents[2]

SectionT = TypeVar("SectionT", bound=BaseModel)


@dataclass(frozen=True)
class Sources:
    """Where campaign files, recipes and locally built bundles are."""

    campaigns: Path = REPOSITORY / "campaigns"
    recipes: Path = REPOSITORY / "model_artifacts" / "recipes"
    bundles: Path = REPOSITORY / ".build" / "bundles"


def load_campaigns(sources: Sources) -> list[ResolvedCampaign]:
    """Every campaign, in the order of the file names.

    Raises:
        CampaignError: with every problem of every file, if there is one.
    """
    documents = _documents(sources)
    return _resolve(documents, sources, among=documents)


def load_campaign(sources: Sources, name: str) -> ResolvedCampaign:
    """The campaign of that name; what other files say does not matter.

    Raises:
        CampaignError: with every problem of its file, or with the names there are if it is none.
    """
    documents = _documents(sources)
    chosen = [document for document in documents if document.content.get("name") == name]
    # A file whose YAML is broken has no name to go by but its own.
    chosen = chosen or [document for document in documents if document.file.stem == name]
    if not chosen:
        names = sorted(str(document.content["name"]) for document in documents if "name" in document.content)
        raise CampaignError(
            [Problem(("campaign",), name, "there is no campaign of that name", one_of(names, name))]
        )
    return _resolve(chosen, sources, among=documents)[0]


def _documents(sources: Sources) -> list[Document]:
    files = sorted(sources.campaigns.glob("*.yaml"))
    if not files:
        rule = "a folder of campaign files has at least one *.yaml"
        raise CampaignError([Problem(("campaigns",), str(sources.campaigns), rule, "such as campaigns/")])
    return [read_document(file) for file in files]


def _resolve(documents: list[Document], sources: Sources, *, among: list[Document]) -> list[ResolvedCampaign]:
    resolved, problems = [], list(_same_names(among, documents))
    for document in documents:
        reading = _Reading(document, sources)
        campaign = reading.campaign()
        problems += reading.problems
        if campaign is not None:
            resolved.append(campaign)
    if problems:
        raise CampaignError(problems)
    return resolved


def _same_names(documents: list[Document], chosen: list[Document]) -> Iterator[Problem]:
    first: dict[object, Document] = {}
    for document in documents:
        name = document.content.get("name")
        if not isinstance(name, str):
            continue
        if name in first and (document in chosen or first[name] in chosen):
            rule = f"two campaigns have two names; {first[name].file} has this one already"
            yield Problem(("name",), name, rule, "another name", document.file, document.line_of(("name",)))
        first.setdefault(name, document)


class _Reading:
    """One file, read as far as it can be: the problems so far, and the sections that are sound."""

    def __init__(self, document: Document, sources: Sources) -> None:
        self._document = document
        self._sources = sources
        self._content = with_defaults_of_mode(document.content)
        self.problems: list[Problem] = list(document.problems)

    def campaign(self) -> ResolvedCampaign | None:
        """The campaign, or None if there are problems."""
        unreadable = self.problems and not self._document.content
        if unreadable:
            return None
        try:
            file = Campaign.model_validate(self._content)
        except ValidationError as error:
            file = None
            self._add(explain(error, Campaign))
        model = self._section("model", Model)
        recipe = self._recipe(model) if model else None
        named = model.bundle if model else None
        bundle = self._bundle(named, recipe) if named is not None and recipe else None
        if model:
            self._add(bundle_problems(model, builds=self._document.content.get("build") is not None))
        if recipe and isinstance(bundle, LocalBundle):
            recipe = recipe.compiled_for(bundle.sizes)
        self._add_contradictions(model, recipe)
        endpoint = self._section("endpoint", Endpoint)
        if endpoint and bundle:
            self._add(container_problems(endpoint, bundle))
        if file:
            self._add(network_problems(file))
        if self.problems or file is None or recipe is None:
            return None
        return ResolvedCampaign(file, recipe, bundle)

    def _add_contradictions(self, model: Model | None, recipe: Recipe | None) -> None:
        scaling = self._section("scaling", Scaling)
        endpoint = self._section("endpoint", Endpoint)
        cache = self._section("cache", Cache)
        api = self._section("api", Api)
        if api:
            self._add(access_problems(api))
        if self._document.content.get("moderation") is not None:
            moderation = self._section("moderation", Moderation)
            if moderation:
                self._add(moderation_problems(moderation, recipe))
        if scaling:
            self._add(scaling_problems(scaling))
        if endpoint and scaling:
            self._add(mode_problems(endpoint, scaling))
        if model and recipe:
            self._add(model_problems(model, recipe))
            if endpoint:
                self._add(endpoint_problems(endpoint, recipe))
            if endpoint and scaling and cache:
                self._add(time_problems(endpoint, scaling, cache, model, recipe))

    def _section(self, key: str, section: type[SectionT]) -> SectionT | None:
        """The section without its broken fields; None if one of them has no default."""
        broken = [problem.path for problem in self.problems if problem.path[:1] == (key,)]
        if (key,) in broken:
            return None
        content = without(self._content, broken).get(key, {})
        try:
            return section.model_validate(content)
        except ValidationError as error:
            # An item of a list lacks a field that it must have: look at the section without the list.
            incomplete = [details["loc"][:1] for details in error.errors() if len(details["loc"]) > 1]
        try:
            return section.model_validate(without(content, incomplete))
        except ValidationError:
            return None

    def _recipe(self, model: Model) -> Recipe | None:
        names = recipe_names(self._sources.recipes)
        if model.recipe not in names:
            rule = "a recipe is the name of a file in model_artifacts/recipes"
            self._add([Problem(("model", "recipe"), model.recipe, rule, one_of(names, model.recipe))])
            return None
        try:
            return read_recipe(self._sources.recipes, model.recipe)
        except ValidationError as error:
            rule = f"the recipe's file is no recipe: {error.errors()[0]['loc']} {error.errors()[0]['msg']}"
            self._add(
                [Problem(("model", "recipe"), model.recipe, rule, "the format in docs/architecture.md")]
            )
            return None

    def _bundle(self, name: str, recipe: Recipe) -> LocalBundle | RemoteBundle | None:
        try:
            return find_bundle(self._sources.bundles, name, recipe=recipe.name)
        except BundleError as error:
            self._add([Problem(("model", "bundle"), name, error.rule, error.expected)])
            return None

    def _add(self, problems: Iterator[Problem] | list[Problem]) -> None:
        """Add problems with their file and line, but none that looked at a field that is broken anyway."""
        broken = {problem.path for problem in self.problems}
        for problem in problems:
            if not any(_within(path, broken) for path in problem.involves):
                line = self._document.line_of(problem.path)
                self.problems.append(dataclasses.replace(problem, file=self._document.file, line=line))


def _within(path: FieldPath, broken: set[FieldPath]) -> bool:
    """Whether a path leads into a broken field, or a broken field is in what it leads to."""
    return any(path[: len(part)] == part[: len(path)] for part in broken)
