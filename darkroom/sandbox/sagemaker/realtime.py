"""Synchronous requests: an instance is chosen, its model server queues the request or refuses it.

Sources: SageMaker Runtime API reference, InvokeEndpoint; SageMaker developer guide, "Amazon SageMaker AI
metrics in Amazon CloudWatch"; SageMaker API reference, ProductionVariantRoutingConfig.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from darkroom.sandbox.sagemaker.calls import ClosedError, QueueFullError
from darkroom.sandbox.sagemaker.instance import Instance, InstanceLostError, InstanceVanishedError
from darkroom.sandbox.sagemaker.metrics import RequestSamples
from darkroom.sandbox.sagemaker.model_server import InvocationTimeoutError, WorkerCrashedError
from darkroom.sandbox.sagemaker.worker import Answer

LIMIT_SECONDS = 60.0
"""How long InvokeEndpoint waits for a container, in wall seconds: an inference takes the time it takes."""

# What Multi Model Server and TorchServe answer when their queue is full.
_FULL = {
    "code": 503,
    "type": "ServiceUnavailableException",
    "message": 'Model "model" has no worker to serve inference request. '
    "Please use scale workers API to add workers.",
}


class NoCapacityError(Exception):
    """No instance is in service."""


class NoAnswerError(Exception):
    """The model did not answer in time; it goes on with the request all the same."""


@dataclass(frozen=True)
class Call:
    """One InvokeEndpoint; None for what the client did not send."""

    inference_id: str | None
    body: bytes
    content_type: str | None
    accept: str | None


class RealtimeInference:
    """Answers an endpoint's calls and counts what came of them."""

    def __init__(self, samples: RequestSamples) -> None:
        self._samples = samples
        self._lock = threading.Lock()
        self._drawn: Counter[str] = Counter()

    @property
    def drawn(self) -> dict[str, int]:
        """How often the model answered each inference id with success."""
        with self._lock:
            return dict(self._drawn)

    def answer(self, call: Call, instances: Sequence[Instance], routing: str) -> Answer:
        """The answer of one of ``instances``, chosen by ``routing`` (RoutingStrategy).

        Raises:
            NoCapacityError: there are none, or all are going.
            NoAnswerError: there was none within :data:`LIMIT_SECONDS`.
        """
        if not instances:
            raise NoCapacityError("No instance of the endpoint is in service. Try your call again.")
        self._samples.add("Invocations")
        self._samples.add("InvocationsPerInstance", 1 / len(instances))
        began = time.monotonic()
        try:
            config, coming = self._start(call, _in_order(instances, routing))
            answer = self._wait(coming)
        except NoAnswerError:
            self._count(500, config)
            raise
        self._samples.add("ModelLatency", (time.monotonic() - began) * 1e6, config=config)
        self._count(answer.status, config)
        return answer

    def _start(self, call: Call, instances: Sequence[Instance]) -> tuple[str, Future[Answer]]:
        """The configuration that the chosen instance runs, and its answer to come."""
        for instance in instances:
            try:
                instance.calls.enter(instance.most_calls)
            except QueueFullError:
                full: Future[Answer] = Future()
                full.set_result(Answer(503, "application/json", json.dumps(_FULL).encode()))
                return instance.config_name, full
            except ClosedError:
                continue  # it began to drain since it was chosen
            answer: Future[Answer] = Future()
            arguments = (call, instance, answer)
            threading.Thread(target=self._infer, args=arguments, name="realtime", daemon=True).start()
            return instance.config_name, answer
        raise NoCapacityError("No instance of the endpoint is in service. Try your call again.")

    def _infer(self, call: Call, instance: Instance, to: Future[Answer]) -> None:
        """Have ``instance`` draw, whether or not somebody still waits for it."""
        try:
            answer = instance.invoke(call.body, call.content_type, call.accept, instance.answer_seconds)
        except (
            WorkerCrashedError,
            InstanceLostError,
            InstanceVanishedError,
            InvocationTimeoutError,
        ) as error:
            answer = Answer(500, "text/plain", str(error).encode())
        finally:
            instance.calls.leave()
        if answer.status == 200 and call.inference_id is not None:
            with self._lock:
                self._drawn[call.inference_id] += 1
        to.set_result(answer)

    @staticmethod
    def _wait(answer: Future[Answer]) -> Answer:
        try:
            return answer.result(LIMIT_SECONDS)
        except FutureTimeoutError as error:
            raise NoAnswerError(
                "Your invocation timed out while waiting for a response from container primary. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            ) from error

    def _count(self, status: int, config: str) -> None:
        self._samples.add("Invocation4XXErrors", float(400 <= status < 500), config=config)
        self._samples.add("Invocation5XXErrors", float(status >= 500), config=config)
        self._samples.add("InvocationModelErrors", float(status != 200), config=config)


def _in_order(instances: Sequence[Instance], routing: str) -> list[Instance]:
    """As a random choice has them, the least busy first where the variant asks for that."""
    shuffled = random.sample(instances, len(instances))
    if routing == "LEAST_OUTSTANDING_REQUESTS":
        shuffled.sort(key=lambda instance: instance.calls.count)
    return shuffled
