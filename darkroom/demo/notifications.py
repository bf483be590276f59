"""A queue on the campaign's topics: what a downstream system would hear of each picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

QUEUE_NAME = "darkroom-demo-notifications"


class Subscription:
    """An SQS queue subscribed to SNS topics with raw message delivery; :meth:`remove` takes all away."""

    def __init__(self, session: Any, topic_arns: Sequence[str]) -> None:
        self._sqs = session.client("sqs")
        self._sns = session.client("sns")
        self._url = self._sqs.create_queue(QueueName=QUEUE_NAME)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self._sqs.set_queue_attributes(
            QueueUrl=self._url, Attributes={"Policy": _send_policy(arn, topic_arns)}
        )
        self._subscriptions = [
            self._sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=arn,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            for topic in topic_arns
        ]

    def receive(self) -> list[dict[str, str]]:
        """Every inference result received so far: its invocationStatus and inferenceId."""
        results = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                body = json.loads(message["Body"])
                # SageMaker also publishes test notifications when an endpoint or its capacity changes.
                if body.get("eventName") == "InferenceResult":
                    results.append({key: body[key] for key in ("invocationStatus", "inferenceId")})
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return results

    def remove(self) -> None:
        """Unsubscribe, and delete the queue."""
        for subscription in self._subscriptions:
            self._sns.unsubscribe(SubscriptionArn=subscription)
        self._sqs.delete_queue(QueueUrl=self._url)


def _send_policy(queue_arn: str, topic_arns: Sequence[str]) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topic_arns)}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
