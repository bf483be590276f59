"""AWS::Lambda::EventSourceMapping."""

from __future__ import annotations

from typing import Any, ClassVar

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

# What a property is when a template doesn't name it, so that taking it out of one has its effect.
_CHANGEABLE: dict[str, Any] = {
    "BatchSize": 10,
    "Enabled": True,
    "FunctionName": "",
    "FunctionResponseTypes": [],
    "ScalingConfig": {},
}


class EventSourceMappingType(ResourceHandler):
    """An SQS queue as the source of a function's events."""

    type_name: ClassVar[str] = "AWS::Lambda::EventSourceMapping"
    properties: ClassVar[frozenset[str]] = frozenset({*_CHANGEABLE, "EventSourceArn", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        """CreateEventSourceMapping."""
        tags = {tag["Key"]: tag["Value"] for tag in request.properties.get("Tags", [])}
        asked = {**_typed(request.properties), **({"Tags": tags} if tags else {})}
        return _resource(request.client("lambda").create_event_source_mapping(**asked))

    def update(self, request: HandlerRequest) -> Resource:
        """UpdateEventSourceMapping."""
        given = {key: request.properties.get(key, default) for key, default in _CHANGEABLE.items()}
        client = request.client("lambda")
        return _resource(client.update_event_source_mapping(UUID=request.physical_id, **_typed(given)))

    def delete(self, request: HandlerRequest) -> None:
        """DeleteEventSourceMapping."""
        request.client("lambda").delete_event_source_mapping(UUID=request.physical_id)


def _resource(made: dict[str, Any]) -> Resource:
    return Resource(
        made["UUID"], {"Id": made["UUID"], "EventSourceMappingArn": made["EventSourceMappingArn"]}
    )


def _typed(properties: Any) -> dict[str, Any]:
    """Numbers and booleans as such: templates may write them as strings."""
    typed = {key: value for key, value in properties.items() if key != "Tags"}
    if "BatchSize" in typed:
        typed["BatchSize"] = int(typed["BatchSize"])
    if "Enabled" in typed:
        typed["Enabled"] = str(typed["Enabled"]).lower() == "true"
    if concurrency := (typed.get("ScalingConfig") or {}).get("MaximumConcurrency"):
        typed["ScalingConfig"] = {"MaximumConcurrency": int(concurrency)}
    return typed
