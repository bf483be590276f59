"""AWS::SSM::Parameter."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler


class Parameter(ResourceHandler):
    """A parameter of Parameter Store."""

    type_name = "AWS::SSM::Parameter"
    properties = frozenset(
        {"AllowedPattern", "DataType", "Description", "Name", "Tags", "Tier", "Type", "Value"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        name = request.properties.get("Name") or request.default_name()
        # Tags is a mapping in this type alone.
        tags = [{"Key": key, "Value": value} for key, value in request.properties.get("Tags", {}).items()]
        return _put(request, name, Overwrite=False, **({"Tags": tags} if tags else {}))

    def update(self, request: HandlerRequest) -> Resource:
        return _put(request, request.physical_id, Overwrite=True)

    def delete(self, request: HandlerRequest) -> None:
        request.client("ssm").delete_parameter(Name=request.physical_id)


def _put(request: HandlerRequest, name: str, **how: object) -> Resource:
    settings = {key: value for key, value in request.properties.items() if key not in ("Name", "Tags")}
    request.client("ssm").put_parameter(Name=name, **settings, **how)
    return Resource(name, {"Type": settings["Type"], "Value": settings["Value"]})
