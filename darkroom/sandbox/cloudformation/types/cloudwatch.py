"""AWS::CloudWatch::Dashboard."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler


class Dashboard(ResourceHandler):
    """A dashboard; its body is a JSON string."""

    type_name = "AWS::CloudWatch::Dashboard"
    properties = frozenset({"DashboardBody", "DashboardName", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        return _put(request, request.properties.get("DashboardName") or request.default_name(255))

    def update(self, request: HandlerRequest) -> Resource:
        return _put(request, request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("cloudwatch").delete_dashboards(DashboardNames=[request.physical_id])


def _put(request: HandlerRequest, name: str) -> Resource:
    body = request.properties["DashboardBody"]
    tags = request.properties.get("Tags", [])
    request.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body, Tags=tags)
    return Resource(name)
