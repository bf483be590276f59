"""An endpoint: its queue, its fleet, its changes from one state to another."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from enum import StrEnum

from darkroom.sandbox.context import Context
from darkroom.sandbox.network import Attachment
from darkroom.sandbox.sagemaker.backlog import Backlog, BacklogState, InferenceRequest
from darkroom.sandbox.sagemaker.configuration import AsyncOutput, EndpointConfig, Model
from darkroom.sandbox.sagemaker.deployment import Deployment
from darkroom.sandbox.sagemaker.fleet import Fleet
from darkroom.sandbox.sagemaker.guardrails import Watch
from darkroom.sandbox.sagemaker.instance import Instance
from darkroom.sandbox.sagemaker.launch import Launch
from darkroom.sandbox.sagemaker.metrics_publisher import MetricsPublisher
from darkroom.sandbox.sagemaker.notifications import PublishError
from darkroom.sandbox.sagemaker.processing import Processor
from darkroom.sandbox.sagemaker.realtime import Call, RealtimeInference
from darkroom.sandbox.sagemaker.s3_objects import Objects
from darkroom.sandbox.sagemaker.worker import Answer


class EndpointStatus(StrEnum):
    """The states of DescribeEndpoint that the sandbox's endpoints pass through."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"
    IN_SERVICE = "InService"
    FAILED = "Failed"
    DELETING = "Deleting"


class BusyError(Exception):
    """The endpoint is being created, updated or deleted; the change must wait."""


class Endpoint:
    """One endpoint. Changes are made in the background; ``status`` tells how they go."""

    def __init__(
        self,
        context: Context,
        account_id: str,
        region: str,
        name: str,
        config: EndpointConfig,
        model: Model,
        changed: Callable[[Endpoint], None],
    ) -> None:
        """``changed`` is called after every change, one call at a time."""
        self.name = name
        self.account_id = account_id
        self.region = region
        self.status = EndpointStatus.CREATING
        self.failure: str | None = None
        self.history: list[tuple[float, int]] = [(context.clock.now(), 0)]
        self._context = context
        self._changed = changed
        self._lock = threading.RLock()
        self._backlog = Backlog()
        self._processor = Processor(
            name, region, context.clock, lambda: self._fleet.launch.model.role, self._backlog
        )
        self._realtime = RealtimeInference(self._processor.samples)
        self._metrics = MetricsPublisher(account_id, region, self._processor.samples)
        self._draining: list[Fleet] = []
        self._pending: Fleet | None = None
        self._fleet = self._new_fleet(config, model)

    @property
    def config(self) -> EndpointConfig:
        """The endpoint configuration in force."""
        return self._fleet.launch.config

    @property
    def desired(self) -> int:
        """DesiredInstanceCount of the variant."""
        return self._fleet.desired

    @property
    def in_service(self) -> int:
        """CurrentInstanceCount of the variant."""
        return len(self._fleet.in_service)

    @property
    def pending(self) -> Fleet | None:
        """The fleet of an update under way."""
        return self._pending

    @property
    def instances(self) -> list[Instance]:
        """All instances, also those that start or drain."""
        with self._lock:
            fleets = [*self._draining, self._fleet, *([self._pending] if self._pending else [])]
        return [instance for fleet in fleets for instance in fleet.instances]

    @property
    def drawn(self) -> dict[str, int]:
        """Successful inferences by inference id."""
        return self._realtime.drawn if self._is_realtime else self._processor.drawn

    @property
    def _is_realtime(self) -> bool:
        return self.config.output is None

    @property
    def backlog(self) -> BacklogState:
        """The queue at this moment; of a realtime endpoint what its instances have."""
        if self._is_realtime:
            return BacklogState(0, sum(one.calls.count for one in self.instances), None)
        return self._backlog.state()

    def create(self) -> None:
        """Launch the initial instances; Failed when they don't come up."""
        self._in_background(self._create)

    def update(self, config: EndpointConfig, model: Model, count: int, deployment: Deployment) -> None:
        """Go over to ``config`` with ``count`` instances, in the way of ``deployment``.

        The queue is the endpoint's, so that no request is lost. When a new instance fails to start, or an
        alarm of the deployment goes off, the endpoint goes back to the old ones.

        Raises:
            BusyError: the endpoint is not in service.
        """
        with self._lock:
            self._require(EndpointStatus.IN_SERVICE, EndpointStatus.UPDATE_ROLLBACK_FAILED)
            self._pending = self._new_fleet(config, model)
            self._set(EndpointStatus.UPDATING)
        self._in_background(lambda: self._update(count, deployment))

    def set_capacity(self, count: int) -> None:
        """Change the number of instances; a change still under way is superseded.

        Raises:
            BusyError: the endpoint is being created, updated to another configuration or deleted.
        """
        with self._lock:
            if self._pending is not None:
                raise BusyError(self.status)
            self._require(EndpointStatus.IN_SERVICE, EndpointStatus.UPDATING)
            fleet = self._fleet
            fleet.set_desired(count)
            self._set(EndpointStatus.UPDATING)
        self._in_background(lambda: self._settle(fleet, count))

    def delete(self) -> None:
        """End everything now; queued requests are dropped and running ones killed."""
        with self._lock:
            self._set(EndpointStatus.DELETING)
            fleets = [*self._draining, self._fleet, *([self._pending] if self._pending else [])]
        self._processor.close()
        self._backlog.clear()
        for fleet in fleets:
            fleet.kill()

    def submit(self, request: InferenceRequest) -> None:
        """Queue a request."""
        self._backlog.put(request)

    def call(self, call: Call) -> Answer:
        """Have one of the instances answer; waits for it.

        Raises:
            NoCapacityError: none is in service.
            NoAnswerError: the model did not answer in time.
        """
        with self._lock:
            fleets = [self._fleet, *([self._pending] if self._pending else [])]
        serving = [one for fleet in fleets for one in fleet.taking_traffic]
        return self._realtime.answer(call, serving, self.config.variant.routing)

    def locations(self, extension: str | None, filename: str | None) -> tuple[str, str | None, AsyncOutput]:
        """Output and failure location of a new request, and the output configuration in force."""
        output = self.config.output
        assert output is not None  # noqa: S101 - a realtime endpoint queues nothing
        folder = "/".join(part for part in (output.output_path, (extension or "").strip("/")) if part)
        unique = uuid.uuid4()
        failure = f"{output.failure_path}/{unique}-error.out" if output.failure_path else None
        return f"{folder}/{filename or f'{unique}.out'}", failure, output

    def expire(self) -> None:
        """Fail the waiting requests whose time to live has passed."""
        for request in self._backlog.take_expired(self._context.clock.now()):
            self._processor.expire(request)

    def publish_metrics(self, minute: float) -> None:
        """Publish the metrics of the minute that begins at ``minute``, sandbox seconds."""
        queue = None if self._is_realtime else self.backlog
        self._metrics.publish(minute, self._fleet.launch, self._fleet.in_service, queue)

    def _create(self) -> None:
        try:
            self._announce()
        except PublishError as error:
            self._set(EndpointStatus.FAILED, str(error))
            return
        self._fleet.set_desired(self.config.variant.initial_count)
        failure = self._fleet.wait_until_settled()
        if failure is None:
            self._set(EndpointStatus.IN_SERVICE)
        else:
            self._fleet.kill()
            self._set(EndpointStatus.FAILED, failure)

    def _update(self, count: int, deployment: Deployment) -> None:
        old, pending = self._fleet, self._pending
        assert pending is not None  # noqa: S101 - set by update, cleared only below
        watch = Watch(
            deployment.guardrails,
            self.account_id,
            self.region,
            pending.launch.model.role,
            self._context.clock,
            self._context.stopping,
        )
        before, lost = old.desired, None
        failure = deployment.strategy.roll_over(old, pending, count, watch.bake)
        if failure is not None:
            self._set(EndpointStatus.ROLLING_BACK, failure)
            lost = deployment.strategy.roll_back(old, pending, before)
        with self._lock:
            gone, self._fleet = (old, pending) if failure is None else (pending, old)
            self._draining = [*self._draining, gone] if gone.instances else self._draining
            self._pending = None
        self._announce_quietly()
        if lost is not None:
            failure = f"{failure}. The old fleet did not come back: {lost}"
        self._set(EndpointStatus.UPDATE_ROLLBACK_FAILED if lost else EndpointStatus.IN_SERVICE, failure)

    def _settle(self, fleet: Fleet, count: int) -> None:
        self._announce_quietly()
        failure = fleet.wait_until_settled()
        with self._lock:
            if fleet.desired != count or self._fleet is not fleet:
                return  # superseded: whoever did waits for the new count
            if failure is not None:
                fleet.set_desired(len(fleet.in_service))
            self._set(EndpointStatus.IN_SERVICE, failure)

    def _announce(self) -> None:
        """Publish the test notification to the endpoint's topics."""
        for topic in self.config.output.topics if self.config.output else ():
            self._processor.publish_capacity(topic)

    def _announce_quietly(self) -> None:
        try:
            self._announce()
        except PublishError:
            self._processor.samples.add("NotificationFailures")

    def _new_fleet(self, config: EndpointConfig, model: Model) -> Fleet:
        network = Attachment.of(self.account_id, self.region, model.vpc)
        objects = Objects(self.account_id, self.region, model.role, network)
        launch = Launch(self._context, self.name, self.region, config, model, objects, self._backlog)
        return Fleet(launch, self._processor.process, self._on_fleet_change)

    def _on_fleet_change(self) -> None:
        with self._lock:
            self._draining = [fleet for fleet in self._draining if fleet.instances]
            serving = sum(len(fleet.in_service) for fleet in (self._fleet, self._pending) if fleet)
            if serving != self.history[-1][1]:
                self.history.append((self._context.clock.now(), serving))
            self._changed(self)

    def _require(self, *allowed: EndpointStatus) -> None:
        if self.status not in allowed:
            raise BusyError(self.status)

    def _set(self, status: EndpointStatus, failure: str | None = None) -> None:
        with self._lock:
            if self.status is EndpointStatus.DELETING:
                return
            self.status = status
            self.failure = failure
            self._changed(self)

    def _in_background(self, change: Callable[[], None]) -> None:
        threading.Thread(target=change, name=f"endpoint-{self.name}", daemon=True).start()
