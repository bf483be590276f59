"""What stops an update of an endpoint: an alarm that goes off, or too much time.

Sources: SageMaker developer guide, "Auto-Rollback Configuration and Monitoring"; API reference,
AutoRollbackConfig. The alarms are looked at from the update's beginning to its end, so that one that is
in ALARM when it begins stops it: by the guide an old fleet that trips an alarm ends the deployment.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from moto.cloudwatch.models import cloudwatch_backends

from darkroom.sandbox.clock import Clock
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.sagemaker import execution_role

# Alarms are evaluated every 10 seconds at most.
_LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Guardrails:
    """AutoRollbackConfiguration and MaximumExecutionTimeoutInSeconds of an update.

    Attributes:
        alarms: names of CloudWatch alarms of the endpoint's account and region.
        longest: sandbox seconds that the update may take.
    """

    alarms: tuple[str, ...] = ()
    longest: float = inf

    def missing(self, account_id: str, region: str) -> list[str]:
        """The alarms that there are not."""
        known = cloudwatch_backends[account_id][region].alarms
        return [name for name in self.alarms if name not in known]

    def tripped(self, account_id: str, region: str) -> list[str]:
        """The alarms that are in ALARM."""
        return list(self._in_alarm(account_id, region))

    def _in_alarm(self, account_id: str, region: str) -> Iterator[str]:
        known = cloudwatch_backends[account_id][region].alarms
        for name in self.alarms:
            alarm = known.get(name)
            if alarm is not None and alarm.state_value == "ALARM":
                yield name


class Watch:
    """One update under its guardrails, from the moment that this is made."""

    def __init__(
        self,
        guardrails: Guardrails,
        account_id: str,
        region: str,
        role: str,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        """``role`` is the execution role, its ARN, by which the alarms are looked at."""
        self._guardrails = guardrails
        self._where = account_id, region
        self._role = role
        self._clock = clock
        self._stopping = stopping
        self._end = clock.now() + guardrails.longest

    def bake(self, seconds: float) -> str | None:
        """Wait so many sandbox seconds, or until there is a reason to go back; that reason."""
        until = self._clock.now() + seconds
        while True:
            reason = self._reason()
            left = until - self._clock.now()
            if reason is not None or left <= 0:
                return reason
            if not self._clock.sleep(min(left, _LOOK_SECONDS), self._stopping):
                return None

    def _reason(self) -> str | None:
        account_id, region = self._where
        try:
            looking = execution_role.to_watch(self._guardrails.alarms, region, account_id)
            execution_role.require(self._role, looking)
        except AccessDeniedError as error:
            return f"The alarms of the deployment can't be looked at: {error}"
        tripped = self._guardrails.tripped(*self._where)
        if tripped:
            return f"One or more alarms went off during the deployment: {', '.join(tripped)}"
        if self._clock.now() > self._end:
            return f"The deployment took longer than {self._guardrails.longest:g} seconds"
        return None
