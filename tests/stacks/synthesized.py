"""A synthesized campaign, and how tests ask for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STACKS = ("data", "inference", "api", "monitoring")

Template = dict[str, Any]
Synth = Callable[..., "Synthesized"]


@dataclass(frozen=True)
class Synthesized:
    """One campaign's cloud assembly."""

    name: str
    outdir: Path

    def template(self, stack: str) -> Template:
        template: Template = json.loads(self.template_path(stack).read_text())
        return template

    def template_path(self, stack: str) -> Path:
        return self._file(stack, "template")

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks there are: a campaign that builds has one more."""
        return (*STACKS, "build") if list(self.outdir.glob("assembly-*/*build*.template.json")) else STACKS

    def asset_manifest(self, stack: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self._file(stack, "assets").read_text())
        return manifest

    def resources(self, stack: str, type: str) -> dict[str, dict[str, Any]]:
        """The resources of a type in a stack, by logical id."""
        resources = self.template(stack)["Resources"]
        return {id: each for id, each in resources.items() if each["Type"] == type}

    def only(self, stack: str, type: str) -> dict[str, Any]:
        """The properties of the one resource of that type."""
        (resource,) = self.resources(stack, type).values()
        properties: dict[str, Any] = resource["Properties"]
        return properties

    def named(self, stack: str, type: str, start: str) -> dict[str, Any]:
        """The one resource of a type whose logical id begins so."""
        (found,) = [each for id, each in self.resources(stack, type).items() if id.startswith(start)]
        return found

    def _file(self, stack: str, kind: str) -> Path:
        prefix = f"{self.name}{stack}".replace("-", "")
        (path,) = self.outdir.glob(f"assembly-{self.name}/{prefix}*.{kind}.json")
        return path
