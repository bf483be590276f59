"""A campaign's functions in moto: real handlers and clients, an endpoint that remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from image_api import completion, front, reconciliation

RULES = {
    "prompt_maximum": 100,
    "sizes": [[128, 128], [128, 256]],
    "width": 128,
    "height": 128,
    "steps": {"minimum": 1, "maximum": 8, "default": 4},
    "guidance_scale": {"minimum": 0.0, "maximum": 20.0, "default": 5.0},
}
ENVIRONMENT = {
    "CAMPAIGN": "demo",
    "MODEL_ID": "tiny-sdxl@abc",
    "JOBS_TABLE": "jobs",
    "PAYLOADS_BUCKET": "demo-payloads",
    "PICTURES_BUCKET": "demo-pictures",
    "ENDPOINT_NAME": "demo",
    "BACKEND": "sagemaker-async",
    "CACHE_SECONDS": "3600",
    "LINK_SECONDS": "600",
    "MAX_ATTEMPTS": "3",
    "REQUEST_TTL_SECONDS": "600",
    "INVOCATION_TIMEOUT_SECONDS": "300",
    "REQUEST_RULES": json.dumps(RULES),
    "POWERTOOLS_SERVICE_NAME": "ImageGenerator",
    "POWERTOOLS_METRICS_NAMESPACE": "ImageGenAPI",
    "AWS_ACCESS_KEY_ID": "AKIASECRETKEYID",
    "AWS_SECRET_ACCESS_KEY": "very-secret-access-key",
    "AWS_SESSION_TOKEN": "very-secret-session-token",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}


class Crash(BaseException):
    """The execution environment dies here: nothing after it runs, no handler catches it."""


@dataclass
class LambdaContext:
    """As much of Lambda's context as the functions use."""

    milliseconds: int = 60_000
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Endpoint:
    """Stands for sagemaker-runtime: takes requests, draws when told to, in the shapes AWS answers in."""

    s3: Any
    asked: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: Exception | None = None

    def invoke_endpoint_async(self, **parameters: Any) -> dict[str, str]:
        if self.error is not None:
            raise self.error
        inference_id = parameters["InferenceId"]
        bucket, key = parameters["InputLocation"].removeprefix("s3://").split("/", 1)
        self.inputs[inference_id] = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        self.asked.append(inference_id)
        return {
            "InferenceId": inference_id,
            "OutputLocation": self.output(inference_id),
            "FailureLocation": f"s3://demo-pictures/failures/{self._name(inference_id)}-error.out",
        }

    def output(self, inference_id: str) -> str:
        return f"s3://demo-pictures/pictures/{self._name(inference_id)}.out"

    def draw(self, inference_id: str) -> dict[str, Any]:
        """Write the picture; returns the success message."""
        self._write(self.output(inference_id), b"\x89PNG")
        return {
            "eventName": "InferenceResult",
            "invocationStatus": "Completed",
            "receivedTime": "2027-01-15T08:00:01.000Z",
            "eventTime": "2027-01-15T08:00:03.500Z",
            "requestParameters": {"endpointName": "demo", "inputLocation": "s3://demo-payloads/x"},
            "responseParameters": {
                "contentType": "image/png",
                "outputLocation": self.output(inference_id),
            },
            "inferenceId": inference_id,
        }

    def fail(self, inference_id: str, reason: str) -> dict[str, Any]:
        """Write the failure; returns the error message."""
        location = f"s3://demo-pictures/failures/{self._name(inference_id)}-error.out"
        self._write(location, reason.encode())
        return {
            "eventName": "InferenceResult",
            "invocationStatus": "Failed",
            "failureReason": reason,
            "responseParameters": {"failureLocation": location},
            "inferenceId": inference_id,
        }

    @staticmethod
    def _name(inference_id: str) -> str:
        # AWS picks a name of its own: whoever builds it from the inference id finds nothing.
        return f"{hash(inference_id) & 0xFFFFFFFF:08x}-uuid"

    def _write(self, uri: str, body: bytes) -> None:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)


@dataclass
class Campaign:
    """The deployed functions, their table and buckets, and what they printed."""

    dynamodb: Any
    s3: Any
    endpoint: Endpoint
    printed: Callable[[], str]
    time: float = 1_800_000_000.0

    def post(self, body: Any, *, raw: bool = False, **event: Any) -> dict[str, Any]:
        return front.handler(
            {
                "httpMethod": "POST",
                "resource": "/v1/images",
                "path": "/v1/images",
                "headers": {"Content-Type": "application/json", "x-api-key": "very-secret-api-key"},
                "pathParameters": None,
                "body": body if raw else json.dumps(body),
                "isBase64Encoded": False,
                **event,
            },
            LambdaContext(),
        )

    def get(self, job_id: str) -> dict[str, Any]:
        return front.handler(
            {
                "httpMethod": "GET",
                "resource": "/v1/images/{id}",
                "headers": None,
                "pathParameters": {"id": job_id},
                "body": None,
            },
            LambdaContext(),
        )

    def notify(self, *messages: Any) -> None:
        completion.handler(
            {"Records": [{"Sns": {"Message": json.dumps(message)}} for message in messages]},
            LambdaContext(),
        )

    def reconcile(self, milliseconds: int = 60_000) -> dict[str, int]:
        return reconciliation.handler({}, LambdaContext(milliseconds))

    def rows(self) -> list[dict[str, Any]]:
        items = self.dynamodb.scan(TableName="jobs", ConsistentRead=True)["Items"]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in items]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.printed().splitlines()]

    def metric(self, name: str) -> list[float]:
        """Every sample of metric ``name`` so far."""
        return [value for line in self.lines() if "_aws" in line for value in line.get(name, [])]


def create_resources(dynamodb: Any, s3: Any) -> None:
    dynamodb.create_table(
        TableName="jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "job_id", "AttributeType": "S"},
            {"AttributeName": "open_since_bucket", "AttributeType": "S"},
            {"AttributeName": "updated_at", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [
                    {"AttributeName": "open_since_bucket", "KeyType": "HASH"},
                    {"AttributeName": "updated_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    for bucket in ("demo-payloads", "demo-pictures"):
        s3.create_bucket(Bucket=bucket)
