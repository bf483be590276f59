"""What becomes of one asynchronous request: payload, inference, answer, notification."""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from darkroom.sandbox.clock import Clock
from darkroom.sandbox.sagemaker import notifications
from darkroom.sandbox.sagemaker.backlog import Backlog, InferenceRequest
from darkroom.sandbox.sagemaker.instance import Instance, InstanceLostError, InstanceVanishedError
from darkroom.sandbox.sagemaker.metrics import RequestSamples
from darkroom.sandbox.sagemaker.model_server import InvocationTimeoutError, WorkerCrashedError
from darkroom.sandbox.sagemaker.s3_objects import ObjectError
from darkroom.sandbox.sagemaker.worker import Answer

_NOTIFIERS = 4


class Processor:
    """Processes an endpoint's requests and counts what came of them.

    A request is tried once: AWS documents no retry after an error of the container. One that an
    instance took but had not begun when it was lost goes back to the queue.
    """

    def __init__(
        self, endpoint_name: str, region: str, clock: Clock, role: Callable[[], str], backlog: Backlog
    ) -> None:
        """``role`` tells the execution role (ARN) that notifications are published in."""
        self.samples = RequestSamples()
        self._endpoint_name = endpoint_name
        self._region = region
        self._clock = clock
        self._role = role
        self._backlog = backlog
        self._lock = threading.Lock()
        self._drawn: Counter[str] = Counter()
        self._closed = threading.Event()
        # A delivery may run a Lambda function: it must not hold up the next inference.
        self._notifier = ThreadPoolExecutor(_NOTIFIERS, thread_name_prefix=f"notify-{endpoint_name}")

    @property
    def drawn(self) -> dict[str, int]:
        """How often the model answered each inference id with success."""
        with self._lock:
            return dict(self._drawn)

    def close(self) -> None:
        """Write and publish nothing more: the endpoint is deleted."""
        with self._lock:
            self._closed.set()
        self._notifier.shutdown(wait=False, cancel_futures=True)

    def process(self, request: InferenceRequest, instance: Instance) -> None:
        """Process a request that was taken from the backlog."""
        if request.expired(self._clock.now()):
            self._backlog.finish(request)
            self.expire(request)
            return
        try:
            self._infer(request, instance)
        except InstanceLostError:
            self._backlog.give_back(request)
            return
        except InstanceVanishedError:
            # AWS says nothing of what a lost instance had in hand: the worst is that nobody hears of it.
            self._backlog.finish(request)
            return
        except Exception:
            # Whatever a room's fault is, the request must end in an answer or a reason.
            traceback.print_exc()
            self._fail(request, "Internal error: see the sandbox's output")
        self._backlog.finish(request)

    def expire(self, request: InferenceRequest) -> None:
        """Fail a request that waited longer than its time to live."""
        self.samples.add("ExpiredRequests")
        self._fail(request, f"Request expired: it waited longer than its RequestTTLSeconds, {request.ttl:g}")

    def publish_capacity(self, topic: str) -> None:
        """Publish a test notification.

        Raises:
            notifications.PublishError: there is no such topic.
        """
        message = notifications.capacity_message(self._endpoint_name, self._region, self._clock.now())
        notifications.publish(topic, message, self._role())

    def _infer(self, request: InferenceRequest, instance: Instance) -> None:
        taken = self._clock.now()
        body = self._download(request, instance)
        if body is None:
            return
        answer = self._invoke(request, body, instance)
        self.samples.add("TimeInBacklog", (taken - request.received) * 1000)
        if self._closed.is_set() or answer is None:
            return
        config = instance.config_name
        self.samples.add("Invocation4XXErrors", float(400 <= answer.status < 500), config=config)
        self.samples.add("Invocation5XXErrors", float(answer.status >= 500), config=config)
        self.samples.add("InvocationsProcessed")
        if answer.status == 200:
            self._complete(request, answer, instance)
        else:
            self._fail_from_model(request, answer, instance)

    def _download(self, request: InferenceRequest, instance: Instance) -> bytes | None:
        if request.input_location is None:
            return request.body or b""
        began = time.monotonic()
        try:
            body, _ = instance.objects.read(request.input_location)
        except ObjectError as error:
            self.samples.add("RequestDownloadFailures")
            self._fail(request, f"Unable to download the request payload: {error}")
            return None
        self.samples.add("RequestDownloadLatency", _microseconds(began))
        return body

    def _invoke(self, request: InferenceRequest, body: bytes, instance: Instance) -> Answer | None:
        """The model server's answer; None when it gave none in time."""
        began = time.monotonic()
        try:
            answer = instance.invoke(body, request.content_type, request.accept, request.timeout)
        except WorkerCrashedError as error:
            # The container answers the front of the model server with a 500 when a worker dies.
            return Answer(500, "text/plain", str(error).encode())
        except InvocationTimeoutError as error:
            self._fail(request, f"Invocation timed out: {error} (InvocationTimeoutSeconds)")
            return None
        self.samples.add("ModelLatency", _microseconds(began), config=instance.config_name)
        return answer

    def _complete(self, request: InferenceRequest, answer: Answer, instance: Instance) -> None:
        with self._lock:
            self._drawn[request.inference_id] += 1
        began = time.monotonic()
        try:
            instance.objects.write(
                request.output_location, answer.body, answer.content_type, request.output.kms_key_id
            )
        except ObjectError as error:
            self.samples.add("ResponseUploadFailures")
            self._fail(request, f"Unable to upload the response: {error}")
            return
        self.samples.add("ResponseUploadLatency", _microseconds(began))
        message = notifications.success_message(
            request, self._endpoint_name, self._region, self._clock.now(), answer.content_type
        )
        self._notify(request, request.output.success_topic, message)

    def _fail_from_model(self, request: InferenceRequest, answer: Answer, instance: Instance) -> None:
        side = "client" if answer.status < 500 else "server"
        reason = (
            f"Received {side} error ({answer.status}) from model. "
            "See the SageMaker Endpoint logs in your account for more information."
        )
        stored = False
        if request.failure_location is not None:
            try:
                instance.objects.write(
                    request.failure_location, answer.body, answer.content_type, request.output.kms_key_id
                )
                stored = True
            except ObjectError as error:
                self.samples.add("ResponseUploadFailures")
                reason = f"{reason} Unable to upload the failure response: {error}"
        self._fail(request, reason, stored=stored)

    def _fail(self, request: InferenceRequest, reason: str, *, stored: bool = False) -> None:
        if self._closed.is_set():
            return
        self.samples.add("InvocationFailures")
        message = notifications.error_message(
            request,
            self._endpoint_name,
            self._region,
            self._clock.now(),
            f"ClientError: {reason}",
            stored=stored,
        )
        self._notify(request, request.output.error_topic, message)

    def _notify(self, request: InferenceRequest, topic: str | None, message: dict[str, Any]) -> None:
        with self._lock:
            if not self._closed.is_set():
                self._notifier.submit(self._publish, request, topic, message)

    def _publish(self, request: InferenceRequest, topic: str | None, message: dict[str, Any]) -> None:
        if topic is not None:
            try:
                notifications.publish(topic, message, self._role())
            except Exception:
                traceback.print_exc()
                self.samples.add("NotificationFailures")
        self.samples.add("TotalProcessingTime", (self._clock.now() - request.received) * 1000)


def _microseconds(since: float) -> float:
    return (time.monotonic() - since) * 1e6
