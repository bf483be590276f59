"""AWS as a function meets it on a bad day: slow, throttling, silent, and the function dies at any call."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.lambda_functions.virtual_time import current

# What is left when the client's own three tries have failed, by service: (code, status).
REFUSALS: dict[str, list[tuple[str, int]]] = {
    "dynamodb": [
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
        ("InternalServerError", 500),
    ],
    "s3": [("SlowDown", 503), ("InternalError", 500)],
    "sagemaker": [("ThrottlingException", 400), ("ServiceUnavailable", 503), ("InternalFailure", 500)],
    "sqs": [("RequestThrottled", 400), ("InternalError", 500)],
}


@dataclass(frozen=True)
class Chances:
    """Of each call: that the function dies before or after it, that AWS refuses it, does not get it, is slow.

    Attributes:
        lost_answer: it is done and its answer does not come; the client's retry does it again.
        silence: it is done and no answer comes at all.
    """

    crash_before: float = 0.006
    crash_after: float = 0.006
    refused: float = 0.02
    unreachable: float = 0.005
    lost_answer: float = 0.01
    silence: float = 0.005
    slow: float = 0.01


class FaultyAws:
    """Lets the calls of all functions go wrong, by chance, out of one seed."""

    def __init__(self, seed: int, chances: Chances) -> None:
        self.chances = chances
        self.came: Counter[str] = Counter()
        self.calls = 0
        self._random = random.Random(seed)  # noqa: S311 - not a secret

    def client(self, service: str, client: Any) -> Any:
        """``client`` on a bad day."""
        return _Client(self, service, client)

    def call(self, service: str, name: str, operation: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        """One call of a function."""
        process, chances = current(), self.chances
        self.calls += 1
        seconds = self._random.uniform(0.003, 0.02)
        if self._comes("slow", chances.slow * process.calm):
            seconds += self._random.uniform(2, 15)
        process.wait(seconds)
        if self._comes("crash before a call", chances.crash_before * process.calm):
            process.crash()
        if self._comes("refused", chances.refused):
            process.wait(1)
            code, status = self._random.choice(REFUSALS[service])
            answer = {
                "Error": {"Code": code, "Message": "injected"},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            raise ClientError(answer, name)
        if self._comes("unreachable", chances.unreachable):
            process.wait(6)
            raise EndpointConnectionError(endpoint_url="https://aws.example")
        if self._comes("answer lost", chances.lost_answer):
            self._outcome(operation, parameters)
            process.wait(6)
        result, error = self._outcome(operation, parameters)
        process.wait(self._random.uniform(0.003, 0.02))
        if self._comes("silence", chances.silence):
            process.wait(12)
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        if self._comes("crash after a call", chances.crash_after * process.calm):
            process.crash()
        if error is not None:
            raise error
        return result

    def _comes(self, name: str, chance: float) -> bool:
        comes = self._random.random() < chance
        self.came[name] += comes
        return comes

    @staticmethod
    def _outcome(operation: Callable[..., Any], parameters: dict[str, Any]) -> tuple[Any, Exception | None]:
        try:
            return operation(**parameters), None
        except ClientError as error:
            return None, error


class _Client:
    def __init__(self, aws: FaultyAws, service: str, client: Any) -> None:
        self._aws = aws
        self._service = service
        self._client = client

    @property
    def exceptions(self) -> Any:
        return self._client.exceptions

    def generate_presigned_url(self, *arguments: Any, **parameters: Any) -> Any:
        # Signed here, without a call.
        return self._client.generate_presigned_url(*arguments, **parameters)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)
        return lambda **parameters: self._aws.call(self._service, name, operation, parameters)
