"""What has to be compiled for a bundle, and the address of each part. Imports no torch: it must be quick."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from serving.bundle import CompiledInput, CompiledPart
from serving.families import family, parts_to_compile
from serving.recipe import PartPlan, Recipe, Size, compiled_name, read_recipe, size_name

from neuron_build import ROOT
from neuron_build.compilers import Compiler, compiler
from neuron_build.digests import Digests, digest_of
from neuron_build.sources.diffusers_folder import Component, component
from neuron_build.sources.source import Source

MODEL_ARTIFACTS = ROOT / "model_artifacts"
RECIPES = MODEL_ARTIFACTS / "recipes"

# The code that decides what a part's file holds, its family and compiler apart.
_CODE = ("component.py", "part_process.py", "torchscript.py")
LIBRARIES = ("diffusers", "torch", "transformers")


class UnknownRecipeError(Exception):
    """A recipe that there is not; the message names those there are."""


@dataclass(frozen=True)
class PlannedPart:
    """One part to compile: everything a process needs to do it, and to describe it.

    Attributes:
        name: of its file.
        family: module of serving.families that wraps the component.
        arguments: what its compiler is given.
        host_memory_gib: memory that compiling it takes.
    """

    name: str
    family: str
    compiler: str
    component: Component
    compiled: CompiledPart
    arguments: tuple[str, ...]
    host_memory_gib: float

    @property
    def address(self) -> str:
        """Of the compiled part, over everything that decides its content."""
        return self.compiled.address


@dataclass(frozen=True)
class Plan:
    """A recipe with the sizes wanted, its parts, and the versions of what they are compiled with."""

    recipe: Recipe
    compiler: str
    parts: tuple[PlannedPart, ...]
    versions: Mapping[str, str]


def find_recipe(name: str, sizes: Sequence[Size] = ()) -> Recipe:
    """A shipped recipe, narrowed to some of its sizes if any are given.

    Raises:
        UnknownRecipeError: there is no such recipe.
        ValueError: a size is none of the recipe's.
    """
    path = RECIPES / f"{name}.json"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(found.stem for found in RECIPES.glob("*.json")))
        raise UnknownRecipeError(f"no recipe {name!r}; there is: {known}")
    recipe = read_recipe(path)
    others = [size_name(size) for size in sizes if size not in recipe.sizes]
    if others:
        known = ", ".join(size_name(size) for size in recipe.sizes)
        raise ValueError(f"recipe {name} has no size {', '.join(others)}; it has: {known}")
    return replace(recipe, sizes=tuple(size for size in recipe.sizes if not sizes or size in sizes))


def plan_parts(
    recipe: Recipe, source: Source, *, compiler_name: str, target: str | None, digests: Digests
) -> Plan:
    """Every part of a recipe with its address.

    Raises:
        CompilerError: the compiler is not installed or has no such target.
    """
    chosen = compiler(compiler_name)
    versions = {library: version(library) for library in LIBRARIES} | chosen.versions()
    made_with = {
        "compiler": compiler_name,
        "environment": dict(chosen.ENVIRONMENT),
        "versions": versions,
        "code": {path.name: digests.sha256(path) for path in _code(compiler_name, recipe.family)},
    }
    parts = tuple(
        _part(recipe, name, size, source, chosen, compiler_name, target, made_with, digests)
        for name, size in parts_to_compile(recipe)
    )
    return Plan(recipe, compiler_name, parts, versions)


def _part(
    recipe: Recipe,
    name: str,
    size: Size | None,
    source: Source,
    chosen: Compiler,
    compiler_name: str,
    target: str | None,
    made_with: Mapping[str, object],
    digests: Digests,
) -> PlannedPart:
    plan, definition = recipe.plan(name, size), family(recipe.family).parts[name]
    inputs = tuple(CompiledInput(spec.shape, spec.dtype) for spec in definition.inputs(recipe, size))
    weights = component(source.folder, definition.component)
    arguments = chosen.arguments(plan.compiler_args, target)
    address = digest_of(
        {
            **made_with,
            "part": name,
            "class": [weights.library, weights.class_name],
            "component": {path.name: digests.sha256(path) for path in weights.files},
            "inputs": [[list(one.shape), one.dtype] for one in inputs],
            "dtype": plan.dtype,
            "arguments": arguments,
        }
    )
    return PlannedPart(
        name=compiled_name(name, size),
        family=recipe.family,
        compiler=compiler_name,
        component=weights,
        compiled=_compiled(name, size, inputs, plan, address),
        arguments=arguments,
        host_memory_gib=plan.host_memory_gib,
    )


def _compiled(
    name: str, size: Size | None, inputs: tuple[CompiledInput, ...], plan: PartPlan, address: str
) -> CompiledPart:
    return CompiledPart(name, size, inputs, plan.dtype, plan.cores, address)


def _code(compiler_name: str, family_name: str) -> list[Path]:
    ours = [ROOT / "neuron_build" / name for name in (*_CODE, f"compilers/{compiler_name}.py")]
    return [*ours, *family_code(family_name)]


def family_code(name: str) -> list[Path]:
    """The modules that a family's wrappers are made of: its own, and those of serving.families it imports.

    Another family's module is none of them: adding or changing one compiles nothing anew.
    """
    found: dict[str, Path] = {}
    waiting = [f"serving.families.{name}"]
    while waiting:
        module = waiting.pop()
        path = MODEL_ARTIFACTS / f"{module.replace('.', '/')}.py"
        if module not in found and path.is_file():
            found[module] = path
            waiting += _imported_families(ast.parse(path.read_bytes()))
    return [found[module] for module in sorted(found)]


def _imported_families(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("serving.families"):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("serving.families"))
