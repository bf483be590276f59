"""What an asynchronous endpoint publishes to SNS.

The success message's fields are AWS's
(https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html). An error
message has ``failureReason`` instead of ``responseParameters``, and ``failureLocation`` where the
endpoint has an S3FailurePath. Times are the sandbox clock's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.sns.models import sns_backends

from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.iam.sns_needs import topic_needs
from darkroom.sandbox.moments import timestamp_of
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.backlog import InferenceRequest


class PublishError(Exception):
    """A notification could not be published, and why."""


def success_message(
    request: InferenceRequest, endpoint_name: str, region: str, now: float, content_type: str
) -> dict[str, Any]:
    """The message of a finished inference whose answer lies at its output location."""
    return {
        **_result(request, endpoint_name, region, now),
        "invocationStatus": "Completed",
        "responseParameters": {"contentType": content_type, "outputLocation": request.output_location},
    }


def error_message(
    request: InferenceRequest, endpoint_name: str, region: str, now: float, reason: str, *, stored: bool
) -> dict[str, Any]:
    """The message of a failed inference; ``stored`` when something lies at its failure location."""
    location = {"failureLocation": request.failure_location} if stored else {}
    return {
        **_result(request, endpoint_name, region, now),
        "invocationStatus": "Failed",
        "failureReason": reason,
        **location,
    }


def capacity_message(endpoint_name: str, region: str, now: float) -> dict[str, Any]:
    """The message published when an endpoint is created, updated or changes its capacity."""
    return {
        "awsRegion": region,
        "eventTime": timestamp_of(now),
        "requestParameters": {"endpointName": endpoint_name},
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "TestNotification",
    }


def publish(topic_arn: str, message: Mapping[str, Any], role: str) -> None:
    """Publish ``message`` as JSON to a topic, in an execution role.

    Raises:
        PublishError: there is no such topic, or the role may not publish to it.
    """
    _, _, _, region, account_id, _ = topic_arn.split(":", 5)
    try:
        execution_role.require(role, topic_needs(topic_arn))
        sns_backends[account_id][region].publish(json.dumps(message), topic_arn)
    except (ServiceException, KeyError, AccessDeniedError) as error:
        raise PublishError(f"Unable to publish to topic {topic_arn}: {error}") from error


def _result(request: InferenceRequest, endpoint_name: str, region: str, now: float) -> dict[str, Any]:
    parameters = {
        "endpointName": endpoint_name,
        "inputLocation": request.input_location,
        "contentType": request.content_type,
        "accept": request.accept,
    }
    return {
        "awsRegion": region,
        "eventTime": timestamp_of(now),
        "receivedTime": timestamp_of(request.received),
        "requestParameters": {name: value for name, value in parameters.items() if value is not None},
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
