"""Faults that the sandbox injects when asked to, so that recovery can be seen and tested."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Faults:
    """What shall go wrong; all off by default.

    Attributes:
        duplicate_invocations: every Lambda invocation runs twice with the same event; the caller
            gets the first answer. (Lambda promises at least once, not exactly once.)
        drop_notifications: how many of the next SNS deliveries to a Lambda function are lost.
        kill_workers: how many of the next inferences end with their worker killed (SIGKILL).
        fail_guardrails: how many of the next ApplyGuardrail are answered with 503; an SDK asks twice.
        throttle_rekognition: how many of the next DetectModerationLabels are throttled.
    """

    duplicate_invocations: bool = False
    drop_notifications: int = 0
    kill_workers: int = 0
    fail_guardrails: int = 0
    throttle_rekognition: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def take(self, name: str) -> bool:
        """Use up one of the counted faults ``name``; False when none is left."""
        with self._lock:
            left = int(getattr(self, name))
            if left > 0:
                setattr(self, name, left - 1)
            return left > 0

    def order(self, ordered: Mapping[str, bool | int]) -> None:
        """Set some of the faults, by name."""
        with self._lock:
            for name, value in ordered.items():
                setattr(self, name, value)

    def as_dict(self) -> dict[str, bool | int]:
        """The faults still to come, as the sandbox's admin API shows them."""
        return {key: getattr(self, key) for key in self.names()}

    @staticmethod
    def names() -> list[str]:
        """The faults there are."""
        return [
            "duplicate_invocations",
            "drop_notifications",
            "kill_workers",
            "fail_guardrails",
            "throttle_rekognition",
        ]
