"""Faults that the sandbox injects when asked to, so that recovery can be seen and tested."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any

from darkroom.sandbox.call_fault import CallFault, Kind
from darkroom.sandbox.occasions import Occasions

COUNTED = (
    "drop_notifications",
    "duplicate_notifications",
    "delay_notifications",
    "kill_workers",
    "stall_workers",
    "container_errors",
    "lose_instances",
    "fail_model_loads",
    "fail_guardrails",
    "throttle_rekognition",
)
# How long a notification is held back that is to be late, in sandbox seconds: those behind it overtake it.
_LATEST_SECONDS = 90.0


class Faults:
    """What shall go wrong; nothing at first.

    Counted, each a number of occasions or a probability (:class:`Occasions`):

    - drop_notifications, duplicate_notifications, delay_notifications: SNS deliveries to a Lambda function
      that are lost, come twice, or come up to 90 sandbox seconds late and so out of order.
    - kill_workers: inferences whose worker is killed (SIGKILL) over them.
    - stall_workers: inferences whose worker stops (SIGSTOP) and never answers.
    - container_errors: inferences that the model server answers with 500.
    - lose_instances: inferences over which the whole instance is gone, with all it had in hand: nobody
      hears of those again.
    - fail_model_loads: instances whose model does not load.
    - fail_guardrails: ApplyGuardrail calls that are answered with 503; an SDK asks twice.
    - throttle_rekognition: DetectModerationLabels calls that are throttled.

    And: duplicate_invocations, every Lambda invocation runs twice with the same event, and the caller gets
    the first answer (Lambda promises at least once); poison, a text: an inference whose payload has it kills
    its worker; clock_skew, seconds by a part of a function's name that its clock is ahead; calls, what
    becomes of calls that functions make (:class:`CallFault`).
    """

    def __init__(self) -> None:
        self.duplicate_invocations = False
        self.poison = ""
        self._lock = threading.Lock()
        self._counted = {name: Occasions() for name in COUNTED}
        self._clock_skew: dict[str, float] = {}
        self._calls: list[CallFault] = []
        self._lateness = random.Random(0)  # noqa: S311 - not a secret

    def take(self, name: str) -> bool:
        """Whether the counted fault ``name`` comes now; it has come then."""
        with self._lock:
            return self._counted[name].take()

    def poisons(self, payload: bytes) -> bool:
        """Whether ``payload`` kills who reads it."""
        return bool(self.poison) and self.poison.encode() in payload

    def lateness(self) -> float:
        """How late the next late notification is, in sandbox seconds."""
        with self._lock:
            return self._lateness.uniform(1, _LATEST_SECONDS)

    def skew(self, function: str) -> float:
        """How far ahead ``function``'s clock is, in seconds."""
        with self._lock:
            parts = self._clock_skew.items()
            return next((seconds for part, seconds in parts if part.lower() in function.lower()), 0.0)

    def of_call(self, function: str, service: str, operation: str) -> Kind | None:
        """What shall become of a call that ``function`` makes."""
        with self._lock:
            # Every one of them counts the call, so that two of them don't push each other about.
            kinds = [fault.kind for fault in self._calls if fault.takes(function, service, operation)]
        return kinds[0] if kinds else None

    @property
    def has_calls(self) -> bool:
        """Whether calls have to be looked at."""
        return bool(self._calls)

    def order(self, ordered: Mapping[str, Any]) -> None:
        """Set some of the faults, by name; all of them or, where one is wrong, none.

        Raises:
            ValueError: there is no such fault, or not like that.
        """
        unknown = sorted(ordered.keys() - set(self.names()))
        if unknown:
            raise ValueError(f"no fault is named {unknown[0]!r}; there are {self.names()}")
        counted = {name: Occasions.parse(name, ordered[name]) for name in COUNTED if name in ordered}
        twice = _typed(ordered, "duplicate_invocations", bool, self.duplicate_invocations)
        poison = _typed(ordered, "poison", str, self.poison)
        skew = _parse_skew(ordered["clock_skew"]) if "clock_skew" in ordered else self._clock_skew
        calls = _parse_calls(ordered["calls"]) if "calls" in ordered else self._calls
        with self._lock:
            self._counted |= counted
            self.duplicate_invocations, self.poison = twice, poison
            self._clock_skew, self._calls = skew, calls

    def as_dict(self) -> dict[str, Any]:
        """The faults still to come, as the sandbox's admin API shows them."""
        with self._lock:
            return {
                "duplicate_invocations": self.duplicate_invocations,
                **{name: occasions.shown() for name, occasions in self._counted.items()},
                "poison": self.poison,
                "clock_skew": dict(self._clock_skew),
                "calls": [fault.as_dict() for fault in self._calls],
            }

    @staticmethod
    def names() -> list[str]:
        """The faults there are."""
        return ["duplicate_invocations", *COUNTED, "poison", "clock_skew", "calls"]


def _typed(ordered: Mapping[str, Any], name: str, kind: type, standing: Any) -> Any:
    value = ordered.get(name, standing)
    if type(value) is not kind:
        raise ValueError(f"{name} is {value!r}: give a {kind.__name__}")
    return value


def _parse_skew(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ValueError(f'clock_skew is {value!r}: give seconds by function, such as {{"completion": 120}}')
    for function, seconds in value.items():
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError(f"clock_skew of {function} is {seconds!r}: give seconds")
    return {function: float(seconds) for function, seconds in value.items()}


def _parse_calls(value: Any) -> list[CallFault]:
    if not isinstance(value, list):
        raise ValueError(f"calls is {value!r}: give a list; an empty one takes the faults away")
    return [CallFault.parse(one) for one in value]
