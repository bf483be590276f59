"""AWS::SNS::Topic."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)


class Topic(ResourceHandler):
    """A topic; ``Ref`` is its ARN."""

    type_name = "AWS::SNS::Topic"
    properties = frozenset({*_ATTRIBUTES, "Subscription", "Tags", "TopicName"})

    def create(self, request: HandlerRequest) -> Resource:
        given, sns = request.properties, request.client("sns")
        name = given.get("TopicName") or request.default_name(256)
        arn = sns.create_topic(
            Name=name,
            Attributes={key: _text(given[key]) for key in _ATTRIBUTES if key in given},
            Tags=given.get("Tags", []),
        )["TopicArn"]
        for subscription in given.get("Subscription", []):
            sns.subscribe(TopicArn=arn, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])
        return _resource(arn)

    def update(self, request: HandlerRequest) -> Resource:
        sns, arn = request.client("sns"), request.physical_id
        for key in _ATTRIBUTES:
            if request.changed(key):
                value = _text(request.properties.get(key, ""))
                sns.set_topic_attributes(TopicArn=arn, AttributeName=key, AttributeValue=value)
        if request.changed("Subscription"):
            raise NotImplementedError("the local AWS does not play a change of a topic's Subscription list")
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            sns.untag_resource(ResourceArn=arn, TagKeys=old)
            sns.tag_resource(ResourceArn=arn, Tags=request.properties.get("Tags", []))
        return _resource(arn)

    def delete(self, request: HandlerRequest) -> None:
        request.client("sns").delete_topic(TopicArn=request.physical_id)


def _resource(arn: str) -> Resource:
    return Resource(arn, {"TopicArn": arn, "TopicName": arn.rsplit(":", 1)[-1]})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
