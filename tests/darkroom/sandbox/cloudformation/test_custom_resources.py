"""Custom resources: their function is asked on create, update and delete, and its answer counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Client = Callable[[str], Any]

# Answers FAILED when told to; keeps a record of what it was asked in its own tags.
PROVIDER = """
import json, os, urllib.request
import boto3

def handler(event, context):
    record = {key: event.get(key) for key in ("RequestType", "PhysicalResourceId", "OldResourceProperties")}
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(record))
    properties = event["ResourceProperties"]
    if properties.get("Crash") == "true":
        raise RuntimeError("the provider crashed")
    answer = {
        "Status": "FAILED" if properties.get("Fail") == "true" else "SUCCESS",
        "Reason": "told to fail",
        "PhysicalResourceId": properties.get("Name", "unnamed"),
        "StackId": event["StackId"], "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Greeting": "hello " + properties.get("Name", "")},
    }
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).read()
"""


TELLING = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        }
    ],
}


def provider() -> dict[str, Any]:
    return {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [{"PolicyName": "telling", "PolicyDocument": TELLING}],
            },
        },
        "Provider": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": PROVIDER},
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.12",
                "Timeout": 30,
                "Environment": {"Variables": {"QUEUE": {"Ref": "Queue"}}},
            },
        },
    }


def custom(**properties: Any) -> dict[str, Any]:
    token = {"Fn::GetAtt": ["Provider", "Arn"]}
    return {
        **provider(),
        "It": {"Type": "Custom::Greeting", "Properties": {"ServiceToken": token, **properties}},
    }


OUTPUTS = {
    "Id": {"Value": {"Ref": "It"}},
    "Greeting": {"Value": {"Fn::GetAtt": "It.Greeting"}},
    "Queue": {"Value": {"Ref": "Queue"}},
}


def asked(client: Client, queue: str) -> list[dict[str, Any]]:
    messages = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_the_function_is_asked_on_create_update_and_delete(stack: Any, client: Client) -> None:
    assert stack.deploy(custom(Name="one", Number=1), Outputs=OUTPUTS) == "CREATE_COMPLETE", stack.reasons()
    queue = stack.outputs()["Queue"]
    assert stack.outputs()["Id"] == "one"
    assert stack.outputs()["Greeting"] == "hello one"
    assert [entry["RequestType"] for entry in asked(client, queue)] == ["Create"]

    assert stack.deploy(custom(Name="one", Number=2), Outputs=OUTPUTS) == "UPDATE_COMPLETE"
    (update,) = asked(client, queue)
    assert (update["RequestType"], update["PhysicalResourceId"]) == ("Update", "one")
    # CloudFormation sends numbers as strings.
    assert update["OldResourceProperties"]["Number"] == "1"

    # Another physical id is a replacement: the old one is deleted when the update is done.
    assert stack.deploy(custom(Name="two"), Outputs=OUTPUTS) == "UPDATE_COMPLETE"
    assert stack.outputs()["Id"] == "two"
    requests = asked(client, queue)
    assert [(entry["RequestType"], entry["PhysicalResourceId"]) for entry in requests] == [
        ("Update", "one"),
        ("Delete", "one"),
    ]

    without = provider()
    assert stack.deploy(without) == "UPDATE_COMPLETE"
    (delete,) = asked(client, queue)
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "two")


def test_a_function_that_fails_or_crashes_fails_the_stack_with_its_reason(
    new_stack: Callable[[], Any],
) -> None:
    refusing, crashing = new_stack(), new_stack()
    assert refusing.deploy(custom(Name="x", Fail="true")) == "ROLLBACK_COMPLETE"
    assert "told to fail" in refusing.reasons()
    assert crashing.deploy(custom(Name="x", Crash="true")) == "ROLLBACK_COMPLETE"
    assert "the provider crashed" in crashing.reasons()
