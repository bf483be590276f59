from __future__ import annotations

import json
from typing import Any

import pytest

from darkroom.sandbox import sns
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws
from tests.eventually import eventually

PRINT = "import json\ndef handler(event, context): print('EVENT', json.dumps(event))"


def events(aws: Aws, function: str) -> list[dict[str, Any]]:
    """The events that a function printed."""
    lines = aws.log(f"/aws/lambda/{function}")
    return [json.loads(line.removeprefix("EVENT ")) for line in lines if line.startswith("EVENT ")]


@pytest.fixture
def topic(aws: Aws) -> str:
    return str(aws.client("sns").create_topic(Name="success")["TopicArn"])


@pytest.fixture
def subscribed(aws: Aws, topic: str) -> str:
    """A function that may be, and is, invoked by the topic."""
    function = aws.function("completion", PRINT)
    permit(aws, function, topic)
    aws.create("AWS::SNS::Subscription", {"TopicArn": topic, "Protocol": "lambda", "Endpoint": function})
    return function


def permit(aws: Aws, function: str, topic: str) -> None:
    aws.create(
        "AWS::Lambda::Permission",
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "sns.amazonaws.com",
            "SourceArn": topic,
        },
    )


def test_a_function_gets_a_message_in_the_shape_of_sns(aws: Aws, topic: str, subscribed: str) -> None:
    message = json.dumps({"inferenceId": "1"})
    published = aws.client("sns").publish(
        TopicArn=topic,
        Message=message,
        Subject="done",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )
    (event,) = eventually(lambda: events(aws, "completion"))
    (record,) = event["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"].startswith(f"{topic}:")
    notification = record["Sns"]
    assert notification["MessageId"] == published["MessageId"]
    assert notification["Message"] == message
    assert notification["Subject"] == "done"
    assert notification["TopicArn"] == topic
    assert notification["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
    assert notification["Timestamp"].endswith("Z")


def test_what_was_published_is_remembered(aws: Aws, topic: str) -> None:
    aws.client("sns").publish(TopicArn=topic, Message="one")
    aws.client("sns").publish(TopicArn=topic, Message="two")
    assert [(entry["topic"], entry["message"]) for entry in sns.published()] == [
        (topic, "one"),
        (topic, "two"),
    ]
    assert sns.published()[0]["time"] == pytest.approx(aws.context.clock.now(), abs=5)


def test_a_dropped_notification_is_lost_and_the_next_arrives(aws: Aws, topic: str, subscribed: str) -> None:
    aws.context.faults.order({"drop_notifications": 1})
    aws.client("sns").publish(TopicArn=topic, Message="lost")
    aws.client("sns").publish(TopicArn=topic, Message="kept")
    (event,) = eventually(lambda: events(aws, "completion"))
    assert event["Records"][0]["Sns"]["Message"] == "kept"
    assert aws.context.faults.as_dict()["drop_notifications"] == 0


@pytest.mark.parametrize("missing", ["function", "permission"])
def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(aws: Aws, topic: str, missing: str) -> None:
    url, queue = aws.queue("dead", lets="sns.amazonaws.com")
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"
    if missing == "permission":
        function = aws.function("closed", PRINT)
    subscription = {
        "TopicArn": topic,
        "Protocol": "lambda",
        "Endpoint": function,
        "RedrivePolicy": {"deadLetterTargetArn": queue},
    }
    aws.create("AWS::SNS::Subscription", subscription)
    aws.client("sns").publish(TopicArn=topic, Message="kept")
    (message,) = aws.receive(url)
    assert json.loads(message["Body"])["Message"] == "kept"


def test_a_queue_still_gets_its_messages_when_another_subscription_fails(aws: Aws, topic: str) -> None:
    nobody = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"
    aws.create("AWS::SNS::Subscription", {"TopicArn": topic, "Protocol": "lambda", "Endpoint": nobody})
    url, queue = aws.queue("copies", lets="sns.amazonaws.com")
    properties = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "RawMessageDelivery": True}
    aws.create("AWS::SNS::Subscription", properties)
    aws.client("sns").publish(TopicArn=topic, Message="hello")
    (message,) = aws.receive(url)
    assert message["Body"] == "hello"


def test_an_email_subscription_stays_pending(aws: Aws, topic: str) -> None:
    properties = {"TopicArn": topic, "Protocol": "email", "Endpoint": "ops@example.com"}
    made = aws.create("AWS::SNS::Subscription", properties)
    aws.client("sns").publish(TopicArn=topic, Message="hello")
    attributes = aws.client("sns").get_subscription_attributes(SubscriptionArn=made.physical_id)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"


def test_a_deleted_subscription_is_delivered_nothing(aws: Aws, topic: str) -> None:
    url, queue = aws.queue("copies")
    properties = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
    made = aws.create("AWS::SNS::Subscription", properties)
    aws.delete("AWS::SNS::Subscription", made, properties)
    aws.client("sns").publish(TopicArn=topic, Message="hello")
    assert aws.receive(url) == []


def test_a_topic_policy_is_set_and_deleting_it_brings_the_default_back(aws: Aws, topic: str) -> None:
    def policy() -> dict[str, Any]:
        attributes = aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        return dict(json.loads(attributes["Policy"]))

    default = policy()
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "TlsOnly", "Effect": "Deny"}]}
    properties = {"PolicyDocument": document, "Topics": [topic]}
    made = aws.create("AWS::SNS::TopicPolicy", properties)
    assert policy() == document
    aws.delete("AWS::SNS::TopicPolicy", made, properties)
    assert policy() == default
