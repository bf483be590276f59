"""The instances of an endpoint that run one endpoint configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable

from darkroom.sandbox.sagemaker.backlog import InferenceRequest
from darkroom.sandbox.sagemaker.instance import Instance, InstanceStatus
from darkroom.sandbox.sagemaker.launch import Launch

Process = Callable[[InferenceRequest, Instance], None]


class Fleet:
    """Launches and drains instances until as many are in service as desired."""

    def __init__(self, launch: Launch, process: Process, changed: Callable[[], None]) -> None:
        """``changed`` is called when the number of instances in service may have changed."""
        self.launch = launch
        self._process = process
        self._changed = changed
        self._condition = threading.Condition()
        self._instances: list[Instance] = []
        self._desired = 0
        self._failure: str | None = None
        self._closed = False

    @property
    def desired(self) -> int:
        """Instances wanted."""
        return self._desired

    @property
    def instances(self) -> list[Instance]:
        """The instances there are, oldest first, also those that start or drain."""
        with self._condition:
            return list(self._instances)

    @property
    def in_service(self) -> list[Instance]:
        """The instances that serve, or stand by to."""
        return [one for one in self.instances if one.status is InstanceStatus.IN_SERVICE]

    @property
    def taking_traffic(self) -> list[Instance]:
        """The instances that requests go to."""
        return [one for one in self.in_service if one.takes_traffic]

    def set_desired(self, count: int) -> None:
        """Launch or drain instances so that ``count`` remain. Returns at once."""
        with self._condition:
            self._failure = None
            self._desired = count
        self._reconcile()

    def wait_until_settled(self) -> str | None:
        """Wait until the desired number is in service; return the reason when one fails to start."""
        with self._condition:
            self._condition.wait_for(lambda: self._failure or self._closed or self._settled())
            return "the endpoint was deleted" if self._closed else self._failure

    def drain(self) -> None:
        """Let every instance finish what it does, then end it. Returns at once."""
        self.set_desired(0)

    def take_traffic(self, takes: bool) -> None:
        """Whether the instances take requests, or stand by with what they have begun."""
        for instance in self.instances:
            instance.takes_traffic = takes

    def end(self) -> None:
        """Drain what has served, kill what never did: it may be loading for a long time yet."""
        with self._condition:
            self._closed = True
            self._desired = 0
            instances = list(self._instances)
            self._condition.notify_all()
        for instance in instances:
            (instance.drain if instance.served else instance.kill)()

    def kill(self) -> None:
        """End every instance now."""
        with self._condition:
            self._closed = True
            self._desired = 0
            instances = list(self._instances)
            self._condition.notify_all()
        for instance in instances:
            instance.kill()

    def _settled(self) -> bool:
        serving = sum(one.status is InstanceStatus.IN_SERVICE for one in self._instances)
        starting = sum(one.status is InstanceStatus.PENDING for one in self._instances)
        return serving == self._desired and not starting

    def _reconcile(self) -> None:
        with self._condition:
            wanted = [
                one
                for one in self._instances
                if one.status in (InstanceStatus.PENDING, InstanceStatus.IN_SERVICE)
            ]
            missing = 0 if self._closed else self._desired - len(wanted)
            launched = [self._new_instance() for _ in range(missing)]
            self._instances += launched
            # The youngest go first: those that have not begun to serve lose nothing.
            surplus = wanted[self._desired :]
        for instance in launched:
            instance.start()
        for instance in surplus:
            instance.drain()

    def _new_instance(self) -> Instance:
        return Instance(self.launch, self._process, self._on_change, self._on_gone)

    def _on_change(self, instance: Instance) -> None:
        """Follow an instance's change of status."""
        lost = instance.status is InstanceStatus.FAILED
        with self._condition:
            if lost and not instance.served:
                # Launching another would fail alike: give up and let the endpoint say why.
                self._failure = instance.failure
            self._condition.notify_all()
        if lost and instance.served:
            self._reconcile()
        self._changed()

    def _on_gone(self, instance: Instance) -> None:
        """Forget an instance that has ended."""
        with self._condition:
            self._instances = [one for one in self._instances if one is not instance]
        self._changed()
