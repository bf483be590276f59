"""SageMaker's endpoint in virtual time: a queue, a fleet that changes, workers that fail."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.lambda_functions.virtual_time import World, current

SERVER_ERROR = 'Received server error (500) from primary with message "Worker died."'
# What the model refuses, and what kills its worker each time, by a word of the prompt.
REFUSED, POISON = "unpaintable", "poisonous"


@dataclass
class Inference:
    """A request of the queue."""

    name: str
    received: float
    prompt: str
    output: str
    failure: str
    ttl: float
    timeout: float


@dataclass(eq=False)
class Instance:
    """One that serves, with what it has in hand; one worker."""

    serving: bool = True
    draining: bool = False
    at: Inference | None = None


@dataclass
class Troubles:
    """Of each inference: its worker is killed, the container fails, it hangs, its instance is lost."""

    killed: float = 0.02
    container_error: float = 0.03
    hangs: float = 0.01
    instance_lost: float = 0.01


@dataclass
class Drawn:
    """What the endpoint was asked for and what it drew, for the checks."""

    asked: list[tuple[str, float]] = field(default_factory=list)
    drawn: list[tuple[str, float]] = field(default_factory=list)
    came: Counter[str] = field(default_factory=Counter)


class SimulatedEndpoint:
    """Both kinds: ``invoke_endpoint_async`` queues, ``invoke_endpoint`` answers.

    Args:
        s3: where it writes, without faults: AWS's own uploads.
        publish: what takes its messages.
    """

    def __init__(
        self,
        world: World,
        s3: Any,
        publish: Callable[[dict[str, Any]], None],
        seed: int,
        troubles: Troubles,
    ) -> None:
        self.world = world
        self.seen = Drawn()
        self.troubles = troubles
        self._s3 = s3
        self._publish = publish
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        self._number = itertools.count()
        self._queue: deque[Inference] = deque()
        self._fleet: list[Instance] = []
        self.scale(2)

    def scale(self, count: int) -> None:
        """Scale in at once, draining; out after the minutes that an instance takes."""
        serving = [one for one in self._fleet if one.serving and not one.draining]
        for one in serving[count:]:
            one.draining = True
        for _ in range(count - len(serving)):
            self.world.after(self._random.uniform(30, 300), self._launch)

    def replace(self) -> None:
        """An endpoint update: every instance drains while others come up."""
        self.seen.came["endpoint update"] += 1
        count = sum(one.serving and not one.draining for one in self._fleet)
        for one in self._fleet:
            one.draining = True
        for _ in range(max(1, count)):
            self.world.after(self._random.uniform(30, 120), self._launch)

    def invoke_endpoint_async(self, **asked: Any) -> dict[str, str]:
        """Queue a request; it names its output as it likes."""
        bucket, key = asked["InputLocation"].removeprefix("s3://").split("/", 1)
        number = next(self._number)
        inference = Inference(
            asked["InferenceId"],
            self.world.now,
            json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())["prompt"],
            f"s3://demo-pictures/pictures/{number}.out",
            f"s3://demo-pictures/failures/{number}-error.out",
            asked["RequestTTLSeconds"],
            asked["InvocationTimeoutSeconds"],
        )
        self.seen.asked.append((inference.name, self.world.now))
        self._queue.append(inference)
        self.world.after(inference.ttl, lambda: self._expire(inference))
        self.world.after(0, self._dispatch)
        return {
            "InferenceId": inference.name,
            "OutputLocation": inference.output,
            "FailureLocation": inference.failure,
        }

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        """Draw while the caller waits."""
        name, process = asked["InferenceId"], current()
        free = [one for one in self._fleet if one.serving and not one.draining and one.at is None]
        prompt = json.loads(asked["Body"])["prompt"]
        if not free:
            raise _model_error(503, "no worker to serve inference request")
        self.seen.asked.append((name, self.world.now))
        instance = free[0]
        instance.at = Inference(name, self.world.now, prompt, "", "", 0, 60)
        # The instance goes on with it whether or not its caller lives.
        trouble, seconds = self._trouble(prompt), self._random.uniform(1, 6)
        answered = 60.0 if trouble == "hangs" else seconds

        def end() -> None:
            instance.at = None
            if instance.draining:
                self._end(instance)
            if trouble == "":
                self.seen.drawn.append((name, self.world.now))

        self.world.after(answered, end)
        if trouble == "instance lost":
            self._lose(instance)
        process.wait(answered)
        if trouble == "refused":
            raise _model_error(400, "request refused: the model does not know that")
        if trouble == "hangs":
            raise _model_error(0, "no answer")
        if trouble:
            raise _model_error(500, "Worker died.")
        return {"ContentType": "image/png", "Body": _Body(b"\x89PNG " + name.encode())}

    def _trouble(self, prompt: str) -> str:
        chances, drawn = self.troubles, self._random.random()
        if REFUSED in prompt:
            return "refused"
        if POISON in prompt:
            return self._came("poison")
        for name, chance in (
            ("worker killed", chances.killed),
            ("container error", chances.container_error),
            ("hangs", chances.hangs),
            ("instance lost", chances.instance_lost),
        ):
            if drawn < chance:
                return self._came(name)
            drawn -= chance
        return ""

    def _came(self, name: str) -> str:
        self.seen.came[name] += 1
        return name

    def _launch(self) -> None:
        self._fleet.append(Instance())
        self._dispatch()

    def _end(self, instance: Instance) -> None:
        instance.serving = False
        self._fleet = [one for one in self._fleet if one is not instance]

    def _lose(self, instance: Instance) -> None:
        self._end(instance)
        self.world.after(self._random.uniform(60, 300), self._launch)

    def _dispatch(self) -> None:
        for instance in list(self._fleet):
            if instance.draining and instance.at is None:
                self._end(instance)
            elif instance.serving and instance.at is None and self._queue:
                self._begin(instance, self._queue.popleft())

    def _begin(self, instance: Instance, inference: Inference) -> None:
        instance.at = inference
        trouble, seconds = self._trouble(inference.prompt), self._random.uniform(1, 6)
        if trouble == "instance lost":
            if self._random.random() < 0.5:  # AWS says nothing of that: it is lost, or another takes it
                self._queue.appendleft(inference)
            self._lose(instance)
            return
        waits = inference.timeout if trouble == "hangs" else seconds
        self.world.after(waits, lambda: self._finish(instance, inference, trouble))

    def _finish(self, instance: Instance, inference: Inference, trouble: str) -> None:
        instance.at = None
        if trouble == "":
            self._write(inference.output, b"\x89PNG " + inference.name.encode())
            self.seen.drawn.append((inference.name, self.world.now))
            self._publish(_message(inference, "Completed", {"outputLocation": inference.output}))
        elif trouble == "hangs":
            self._fail(inference, "ClientError: Invocation timed out", None)
        elif trouble == "refused":
            answer = json.dumps({"code": 400, "message": "request refused: the model does not know that"})
            self._fail(inference, "Received client error (400) from primary", answer)
        else:
            self._fail(inference, SERVER_ERROR, json.dumps({"code": 500, "message": "Worker died."}))
        self._dispatch()

    def _expire(self, inference: Inference) -> None:
        if inference in self._queue:
            self._queue.remove(inference)
            self._came("expired")
            self._fail(inference, "ClientError: Request expired", None)

    def _fail(self, inference: Inference, reason: str, answer: str | None) -> None:
        if answer is not None:
            self._write(inference.failure, answer.encode())
        location = {} if answer is None else {"failureLocation": inference.failure}
        self._publish({**_message(inference, "Failed", {}), "failureReason": reason, **location})

    def _write(self, uri: str, body: bytes) -> None:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self) -> bytes:
        return self._content


def _message(inference: Inference, status: str, response: dict[str, str]) -> dict[str, Any]:
    return {
        "eventName": "InferenceResult",
        "inferenceId": inference.name,
        "invocationStatus": status,
        "responseParameters": response,
    }


def _model_error(status: int, told: str) -> ClientError:
    answer = {
        "Error": {"Code": "ModelError", "Message": told},
        "ResponseMetadata": {"HTTPStatusCode": 424},
        "OriginalStatusCode": status,
        "OriginalMessage": told,
    }
    return ClientError(answer, "InvokeEndpoint")
