"""SNS: subscriptions and topic policies from templates, deliveries to Lambda, and what was published."""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from moto.sns import models
from moto.sqs.models import sqs_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.context import Context
from darkroom.sandbox.faults import Faults
from darkroom.sandbox.iam import AccessDeniedError, require_of_service
from darkroom.sandbox.iam.sqs_needs import queue_needs
from darkroom.sandbox.lambda_runtime import invocations
from darkroom.sandbox.lambda_runtime.function import require_permission
from darkroom.sandbox.lambda_runtime.lookup import find
from darkroom.sandbox.moments import timestamp_of

_PRINCIPAL = "sns.amazonaws.com"
_MOST_REMEMBERED = 100_000
_published: deque[dict[str, Any]] = deque(maxlen=_MOST_REMEMBERED)
_published_lock = threading.Lock()


def install(_context: Context) -> None:
    """Take over the deliveries of moto's SNS; needs the Lambda room."""
    models.Topic = Topic  # type: ignore[misc]
    models.Subscription = Subscription  # type: ignore[misc]
    with _published_lock:
        _published.clear()


def published() -> list[dict[str, Any]]:
    """What was published, the newest 100,000: ``time`` (sandbox seconds), ``topic`` (ARN), ``message``."""
    with _published_lock:
        return list(_published)


class Topic(models.Topic):
    """A topic that remembers what was published when."""

    def publish(self, message: str, *args: Any, **kwargs: Any) -> str:
        """Deliver to every subscription, each on its own: one that fails doesn't stop the others."""
        entry = {"time": sandbox.current().clock.now(), "topic": self.arn, "message": message}
        with _published_lock:
            _published.append(entry)
        return super().publish(message, *args, **kwargs)


class Subscription(models.Subscription):
    """A subscription that invokes its function as an event, and uses its redrive policy."""

    def publish(
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        """Deliver one message, or put it into the dead-letter queue."""
        if self.protocol.startswith("email"):
            # Nobody confirms it here: it is pending for ever, and AWS sends nothing until then.
            return
        try:
            if self.protocol == "lambda":
                self._invoke(message, message_id, subject, message_attributes, message_structure)
            else:
                if self.protocol == "sqs":
                    self._require_to_send(self.endpoint)
                super().publish(
                    message,
                    message_id,
                    subject,
                    message_attributes,
                    group_id,
                    deduplication_id,
                    message_structure,
                )
        except Exception as error:
            print(f"SNS could not deliver to {self.endpoint}: {error}", file=sys.stderr)
            self._bury(self._notification(message, message_id, subject, message_attributes))

    def _invoke(
        self,
        message: str,
        message_id: str,
        subject: str | None,
        attributes: dict[str, Any] | None,
        structure: str | None,
    ) -> None:
        if self._filter_policy_matcher is not None and not self._filter_policy_matcher.matches(
            attributes, message
        ):
            return
        if structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        faults = sandbox.current().faults
        if faults.take("drop_notifications"):
            return
        function = find(self.endpoint)
        require_permission(function, _PRINCIPAL, self.topic.arn)
        notification = self._notification(message, message_id, subject, attributes)
        event = {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": self.arn,
                    "Sns": notification,
                }
            ]
        }
        for _ in range(2 if faults.take("duplicate_notifications") else 1):
            _deliver(function, json.dumps(event).encode(), faults)

    def _notification(
        self, message: str, message_id: str, subject: str | None, attributes: dict[str, Any] | None
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html; the signature is a placeholder."""
        region = parse_arn(self.topic.arn).region
        return {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": self.topic.arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": timestamp_of(sandbox.current().clock.now()),
            "SignatureVersion": "1",
            "Signature": "unsigned",
            "SigningCertUrl": f"https://sns.{region}.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeUrl": f"https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={self.arn}",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": value["Value"]}
                for name, value in (attributes or {}).items()
            },
        }

    def _bury(self, notification: Mapping[str, Any]) -> None:
        """Use the redrive policy: client errors (no function, no permission) are not tried again."""
        target = json.loads(self.attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        if target:
            queue = parse_arn(target)
            try:
                self._require_to_send(target)
            except AccessDeniedError as error:
                # As on AWS the message is lost (NumberOfNotificationsFailedToRedriveToDlq); here it is said.
                print(f"SNS could not use the dead-letter queue {target}: {error}", file=sys.stderr)
                return
            sqs_backends[queue.account][queue.region].send_message(
                queue.resource_id, json.dumps(notification)
            )

    def _require_to_send(self, queue: str) -> None:
        """SNS sends to queues as itself."""
        account = parse_arn(self.topic.arn).account
        require_of_service(_PRINCIPAL, queue_needs(queue), source=self.topic.arn, account=account)


def _deliver(function: Any, event: bytes, faults: Faults) -> None:
    """Invoke ``function``, now or, where that fault was ordered, late."""
    if not faults.take("delay_notifications"):
        invocations.send_event(function, event)
        return
    here, seconds = sandbox.current(), faults.lateness()

    def later() -> None:
        if here.clock.sleep(seconds, here.stopping):
            invocations.send_event(function, event)

    threading.Thread(target=later, name="late-notification", daemon=True).start()


class SubscriptionType(ResourceHandler):
    """AWS::SNS::Subscription."""

    type_name: ClassVar[str] = "AWS::SNS::Subscription"
    _ATTRIBUTES: ClassVar[tuple[str, ...]] = (
        # The scope first: a filter policy is checked by it.
        "FilterPolicyScope",
        "FilterPolicy",
        "RawMessageDelivery",
        "RedrivePolicy",
    )
    properties: ClassVar[frozenset[str]] = frozenset(
        {*_ATTRIBUTES, "Endpoint", "Protocol", "Region", "TopicArn"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        made = request.client("sns").subscribe(
            TopicArn=request.properties["TopicArn"],
            Protocol=request.properties["Protocol"],
            Endpoint=request.properties["Endpoint"],
            ReturnSubscriptionArn=True,
        )
        arn = made["SubscriptionArn"]
        if request.properties["Protocol"].startswith("email"):
            subscription = models.sns_backends[request.account_id][request.region].subscriptions[arn]
            subscription.attributes["PendingConfirmation"] = True
        self._set_attributes(request, arn)
        return Resource(arn, {"Arn": arn})

    def update(self, request: HandlerRequest) -> Resource:
        self._set_attributes(request, request.physical_id)
        return Resource(request.physical_id, {"Arn": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        request.client("sns").unsubscribe(SubscriptionArn=request.physical_id)

    def _set_attributes(self, request: HandlerRequest, arn: str) -> None:
        for name in self._ATTRIBUTES:
            if request.changed(name):
                value = request.properties.get(name)
                request.client("sns").set_subscription_attributes(
                    SubscriptionArn=arn, AttributeName=name, AttributeValue=_attribute(value)
                )


class TopicPolicyType(ResourceHandler):
    """AWS::SNS::TopicPolicy: the policy of one or more topics."""

    type_name: ClassVar[str] = "AWS::SNS::TopicPolicy"
    properties: ClassVar[frozenset[str]] = frozenset({"PolicyDocument", "Topics"})

    def create(self, request: HandlerRequest) -> Resource:
        self._put(request)
        return self._resource(request.default_name())

    def update(self, request: HandlerRequest) -> Resource:
        self._put(request)
        gone = set(request.previous_properties.get("Topics", [])) - set(request.properties["Topics"])
        for topic in sorted(gone):
            _restore_default_policy(topic)
        return self._resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        for topic in request.properties["Topics"]:
            _restore_default_policy(topic)

    @staticmethod
    def _put(request: HandlerRequest) -> None:
        policy = json.dumps(request.properties["PolicyDocument"])
        for topic in request.properties["Topics"]:
            request.client("sns").set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=policy
            )

    @staticmethod
    def _resource(physical_id: str) -> Resource:
        return Resource(physical_id, {"Id": physical_id})


def _attribute(value: Any) -> str:
    """A property as the API's attribute, which is a string."""
    if value in (None, False, "false"):
        # moto takes any text for true.
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _restore_default_policy(topic_arn: str) -> None:
    """What deleting a topic policy does: the topic's own default holds again. No API call does that."""
    arn = parse_arn(topic_arn)
    topic = models.sns_backends[arn.account][arn.region].topics.get(topic_arn)
    if topic is not None:
        default = topic._create_default_topic_policy(arn.region, arn.account, topic.name)
        topic.policy = json.dumps(default)
