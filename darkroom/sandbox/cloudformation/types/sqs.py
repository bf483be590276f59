"""AWS::SQS::Queue and AWS::SQS::QueuePolicy."""

from __future__ import annotations

import json
from typing import Any

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)


class Queue(ResourceHandler):
    """A queue; ``Ref`` is its URL."""

    type_name = "AWS::SQS::Queue"
    properties = frozenset({*_ATTRIBUTES, "QueueName", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        name = given.get("QueueName") or request.default_name(80)
        url = request.client("sqs").create_queue(
            QueueName=name,
            Attributes={key: _text(given[key]) for key in _ATTRIBUTES if key in given},
            tags={tag["Key"]: tag["Value"] for tag in given.get("Tags", [])},
        )["QueueUrl"]
        return _resource(request, url)

    def update(self, request: HandlerRequest) -> Resource:
        sqs, url = request.client("sqs"), request.physical_id
        changed = {
            # An empty value takes an attribute away.
            key: _text(request.properties.get(key, ""))
            for key in _ATTRIBUTES
            if request.changed(key)
        }
        if changed:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            sqs.untag_queue(QueueUrl=url, TagKeys=old)
            new = {tag["Key"]: tag["Value"] for tag in request.properties.get("Tags", [])}
            sqs.tag_queue(QueueUrl=url, Tags=new)
        return _resource(request, url)

    def delete(self, request: HandlerRequest) -> None:
        request.client("sqs").delete_queue(QueueUrl=request.physical_id)


def _resource(request: HandlerRequest, url: str) -> Resource:
    name = url.rsplit("/", 1)[-1]
    arn = f"arn:aws:sqs:{request.region}:{request.account_id}:{name}"
    return Resource(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


class QueuePolicy(ResourceHandler):
    """One policy document on one or more queues."""

    type_name = "AWS::SQS::QueuePolicy"
    properties = frozenset({"PolicyDocument", "Queues"})

    def create(self, request: HandlerRequest) -> Resource:
        _put(request, request.properties["Queues"], json.dumps(request.properties["PolicyDocument"]))
        return Resource(request.default_name())

    def update(self, request: HandlerRequest) -> Resource:
        queues = request.properties["Queues"]
        _put(request, [url for url in request.previous_properties["Queues"] if url not in queues], "")
        _put(request, queues, json.dumps(request.properties["PolicyDocument"]))
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        _put(request, request.properties["Queues"], "")


def _put(request: HandlerRequest, queues: list[str], policy: str) -> None:
    for url in queues:
        request.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
