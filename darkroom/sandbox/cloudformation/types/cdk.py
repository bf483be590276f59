"""AWS::CDK::Metadata."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler


class Metadata(ResourceHandler):
    """The CDK's usage record: nothing is made on AWS either."""

    type_name = "AWS::CDK::Metadata"
    properties = frozenset({"Analytics"})

    def create(self, request: HandlerRequest) -> Resource:
        return Resource(request.default_name())

    def update(self, request: HandlerRequest) -> Resource:
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        """Nothing stands."""
