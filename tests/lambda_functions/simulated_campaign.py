"""A campaign in virtual time: the real handlers, everything between them played, and going wrong."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from image_api import completion, drawing, front, reconciliation
from image_api.application import Application
from image_api.jobs import Jobs
from image_api.realtime_endpoint import RealtimeEndpoint
from image_api.sagemaker_async import SageMakerAsync
from image_api.sagemaker_realtime import SageMakerRealtime
from image_api.settings import from_environment

from tests.lambda_functions.faulty_aws import Chances, FaultyAws
from tests.lambda_functions.job_history import JobHistory
from tests.lambda_functions.local_campaign import ENVIRONMENT, Crash
from tests.lambda_functions.objects_in_memory import ObjectsInMemory
from tests.lambda_functions.simulated_endpoint import POISON, REFUSED, SimulatedEndpoint, Troubles
from tests.lambda_functions.simulated_queue import SimulatedQueue
from tests.lambda_functions.table_in_memory import TableInMemory
from tests.lambda_functions.virtual_time import ProcessTime, World, current

# A run of reconciliation makes a hundred calls where another function makes five, and here one after the
# other what in Lambda eight threads do: it would never come through.
CALM = 0.1
FRONT_SECONDS, COMPLETION_SECONDS, RECONCILIATION_SECONDS = 28.0, 30.0, 55.0
START = 1_800_000_000.0


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        requests: how many are asked for, within ``seconds``; some of them for the same picture.
        skew: how far a function's clock may be off, either way; each invocation's is drawn anew.
        lost, doubled, late: of each notification, that it is lost, comes twice, comes up to 900 s late.
        twice: of each invocation by an event, that it runs twice.
    """

    seed: int
    requests: int
    realtime: bool = False
    seconds: float = 3600
    skew: float = 120.0
    lost: float = 0.03
    doubled: float = 0.05
    late: float = 0.05
    twice: float = 0.02
    chances: Chances = field(default_factory=Chances)
    troubles: Troubles = field(default_factory=Troubles)


@dataclass
class Context:
    """Lambda's context, its remaining time by the function's own clock, as AWS's runtime client has it."""

    deadline: float
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - ProcessTime.time()) * 1000))


class SimulatedCampaign:
    """Clients, functions, queues and topics; :meth:`run` plays a plan to its end."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.table = TableInMemory()
        self.s3 = ObjectsInMemory()
        self.world = World(START)
        self.aws = FaultyAws(plan.seed, plan.chances)
        self.history = JobHistory(self.world)
        self.came: Counter[str] = Counter()
        self.dead_letters: list[Any] = []
        self.missed: list[tuple[float, str]] = []
        """Looks of reconciliation that failed: when, and which job or shard; empty for a whole run."""
        self._random = random.Random(plan.seed)  # noqa: S311 - not a secret
        self.endpoint = SimulatedEndpoint(self.world, self.s3, self._publish, plan.seed, plan.troubles)
        self.queue = SimulatedQueue(self.world, self._draw, plan.seed)
        self.application = self._application()

    def _application(self) -> Application:
        environment = dict(ENVIRONMENT)
        if self.plan.realtime:
            environment |= {
                "BACKEND": "sagemaker-realtime",
                "DRAWINGS_QUEUE": "queue",
                "INVOCATION_TIMEOUT_SECONDS": "60",
            }
        self.settings = settings = from_environment(environment)
        watched = self.history.watch(self.table)
        s3 = self.aws.client("s3", self.history.watch_payloads(self.s3))
        sagemaker = self.aws.client("sagemaker", self.endpoint)
        sqs = self.aws.client("sqs", self.queue)
        return Application(
            settings=settings,
            jobs=Jobs(self.aws.client("dynamodb", watched), "jobs"),
            backend=SageMakerRealtime(sqs, settings)
            if self.plan.realtime
            else SageMakerAsync(s3, sagemaker, settings),
            s3=s3,
            sqs=sqs,
            endpoint=RealtimeEndpoint(sagemaker, settings) if self.plan.realtime else None,
            now=ProcessTime.time,
        )

    def run(self) -> None:
        """Ask, draw, fail and reconcile until nothing is open or the deadline of the last has long passed."""
        for number in range(self.plan.requests):
            self.world.at(START + self._random.uniform(0, self.plan.seconds), self._client(number))
        for minute in range(int(self.plan.seconds // 60) * 20):
            self.world.at(START + 60 * minute + 1, self._reconcile)
        for moment in range(0, int(self.plan.seconds), 300):
            self.world.at(START + moment, lambda: self.endpoint.scale(self._random.randint(1, 12)))
        self.world.at(START + self.plan.seconds / 2, self.endpoint.replace)
        end = START + self.plan.seconds
        while self.world.now < end or (self.history.open and self.world.now < end + 5 * self.deadline):
            self.world.run_until(self.world.now + 600)
        # Whatever is still on its way may do no harm either.
        self.world.run_until(self.world.now + 3600)

    @property
    def deadline(self) -> float:
        """Seconds from being accepted to being done or failed: docs/architecture.md, "Deadline"."""
        settings = self.settings
        waited = settings.request_ttl_seconds + settings.invocation_timeout_seconds
        return settings.max_attempts * (waited + 235 + 2 * self.plan.skew)

    def _client(self, number: int) -> Callable[[], None]:
        """Somebody who asks, and asks again half a minute later when there was no answer."""
        kind = self._random.random()
        word = POISON if kind < 0.01 else REFUSED if kind < 0.02 else "plain"
        # A third of the requests are for one of a few pictures.
        which = self._random.randint(0, 20) if self._random.random() < 0.3 else 1000 + number
        body = json.dumps({"prompt": f"secret {word} {which}"})

        def ask() -> None:
            event = {"httpMethod": "POST", "resource": "/v1/images", "headers": None, "body": body}
            self._invoke(front.handler, event, FRONT_SECONDS, answered)

        def answered(answer: Any, _error: BaseException | None) -> None:
            if answer is not None and answer["statusCode"] in (200, 202):
                self.history.accepted(json.loads(answer["body"])["id"])
                return
            self.history.must(answer is None or answer["statusCode"] == 503, f"answered {answer}")
            self.came["client asks again"] += 1
            self.world.after(30, ask)

        return ask

    def _invoke(
        self,
        handler: Callable[[Any, Any], Any],
        event: Any,
        seconds: float,
        ended: Callable[[Any, BaseException | None], None],
        calm: float = 1.0,
    ) -> None:
        def body() -> Any:
            return handler(event, Context(current().deadline))

        skew = self._random.uniform(-self.plan.skew, self.plan.skew)
        self.world.spawn(body, seconds, ended, skew, calm)

    def _invoke_event(self, handler: Any, event: Any, seconds: float, attempt: int = 1) -> None:
        """An asynchronous invocation: tried again after one and two minutes, then a dead letter."""

        def ended(_answer: Any, error: BaseException | None) -> None:
            if error is None:
                return
            known = isinstance(error, Crash | completion.CompletionError)
            self.history.must(known, f"{handler.__module__} raised {error!r}")
            self.came["event tried again"] += 1
            if attempt == 3:
                self.dead_letters.append(event)
            else:
                self.world.after(
                    60 * attempt, lambda: self._invoke_event(handler, event, seconds, attempt + 1)
                )

        self._invoke(handler, event, seconds, ended)
        if self._random.random() < self.plan.twice:
            self.came["invocation twice"] += 1
            self._invoke(handler, event, seconds, lambda *_: None)

    def _publish(self, message: dict[str, Any]) -> None:
        if self._random.random() < self.plan.lost:
            self.came["notification lost"] += 1
            return
        event = {"Records": [{"Sns": {"Message": json.dumps(message)}}]}
        copies = 2 if self._random.random() < self.plan.doubled else 1
        self.came["notification doubled"] += copies - 1
        for _ in range(copies):
            is_late = self._random.random() < self.plan.late
            self.came["notification late"] += is_late
            seconds = self._random.uniform(0.05, 900 if is_late else 1)
            self.world.after(
                seconds, lambda: self._invoke_event(completion.handler, event, COMPLETION_SECONDS)
            )

    def _reconcile(self) -> None:
        def ended(_answer: Any, error: BaseException | None) -> None:
            known = error is None or isinstance(error, Crash | reconciliation.ReconciliationError)
            self.history.must(known, f"reconciliation raised {error!r}")
            if isinstance(error, Crash):
                self.missed.append((self.world.now, ""))

        self._invoke(reconciliation.handler, {}, RECONCILIATION_SECONDS, ended, calm=CALM)

    def note_missed(self, **fields: Any) -> None:
        """Stands for the error log of reconciliation."""
        self.missed.append((self.world.now, str(fields.get("job_id") or fields.get("shard") or "")))

    def _draw(self, event: Any, ended: Callable[[Any, BaseException | None], None]) -> None:
        self._invoke(drawing.handler, event, self.settings.invocation_timeout_seconds + 60, ended)


def with_seed(plan: Plan, seed: int) -> Plan:
    """The same with other luck."""
    return replace(plan, seed=seed)
