"""A template's functions evaluated against a stack as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudformation.exceptions import ExportNotFound, ValidationError

from darkroom.sandbox.cloudformation.intrinsics import holds, resolve
from darkroom.sandbox.cloudformation.stack import Output, Stack, StackResource
from darkroom.sandbox.cloudformation.template import ResourceTemplate, Template

Exports = Callable[[], Mapping[str, str]]
"""The exports of all stacks, value by name."""

_API_URL = re.compile(
    r"https://(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::443)?(?P<rest>/[^/\s]+)?"
)


class Evaluation:
    """The scope of one template in one stack.

    Attributes:
        parameters: the values of the template's parameters.
        live: the resources that references resolve to, by logical id.
        pending: logical ids whose physical id and attributes a change will make anew. They
            resolve to placeholders; only planning sets it.
        imports: the export names that were imported so far.
    """

    def __init__(
        self, stack: Stack, template: Template, parameters: Mapping[str, Any], exports: Exports
    ) -> None:
        self.live: dict[str, StackResource] = dict(stack.resources)
        self.pending: set[str] = set()
        self.imports: set[str] = set()
        self.parameters = dict(parameters)
        self._template = template
        self._exports = exports
        self._values = {
            **parameters,
            "AWS::AccountId": stack.account_id,
            "AWS::NotificationARNs": stack.notification_arns,
            "AWS::Partition": "aws",
            "AWS::Region": stack.region,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def active(self) -> dict[str, ResourceTemplate]:
        """The resources whose condition holds."""
        return {
            name: resource
            for name, resource in self._template.resources.items()
            if resource.condition is None or self.condition(resource.condition)
        }

    def properties(self, resource: ResourceTemplate) -> dict[str, Any]:
        """A resource's properties, resolved."""
        return dict(resolve(dict(resource.properties), self))

    def outputs(self, endpoint_url: str | None) -> list[Output]:
        """The template's outputs; URLs of its API stages point at the sandbox."""
        found = []
        for key, entry in self._template.outputs.items():
            if "Condition" in entry and not self.condition(entry["Condition"]):
                continue
            value = _reachable(str(resolve(entry["Value"], self)), endpoint_url)
            export = entry.get("Export")
            name = str(resolve(export["Name"], self)) if export else None
            found.append(Output(key, value, entry.get("Description"), name))
        return found

    def ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self.pending:
            return f"<{name}>"
        return self._existing(name).resource.physical_id

    def attribute(self, logical_id: str, name: str) -> Any:
        if logical_id in self.pending:
            return f"<{logical_id}.{name}>"
        found = self._existing(logical_id)
        try:
            return found.resource.attributes[name]
        except KeyError:
            raise ValidationError(
                message=f"Template error: resource {logical_id} of type {found.template.type_name} "
                f"does not support attribute type {name} in Fn::GetAtt"
            ) from None

    def mapping(self, name: str) -> Mapping[str, Any]:
        if name not in self._template.mappings:
            raise ValidationError(message=f"Template error: mapping {name} does not exist")
        found: Mapping[str, Any] = self._template.mappings[name]
        return found

    def condition(self, name: str) -> bool:
        if name not in self._template.conditions:
            raise ValidationError(message=f"Template error: condition {name} does not exist")
        return holds(self._template.conditions[name], self)

    def imported(self, name: str) -> str:
        exports = self._exports()
        if name not in exports:
            raise ExportNotFound(name)
        self.imports.add(name)
        return exports[name]

    def _existing(self, logical_id: str) -> StackResource:
        if logical_id not in self.live:
            raise ValidationError(
                message=f"Template format error: Unresolved resource dependencies [{logical_id}]"
            )
        return self.live[logical_id]


def _reachable(value: str, endpoint_url: str | None) -> str:
    """``value`` with execute-api URLs as the sandbox serves them, so that what is printed can be called."""
    if endpoint_url is None:
        return value
    return _API_URL.sub(lambda url: f"{endpoint_url}/execute-api/{url['api']}{url['rest'] or ''}", value)
