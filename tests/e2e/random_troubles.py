"""What goes wrong at random: a schedule out of a seed, its troubles overlapping, and who plays it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from darkroom.operations.redrive import redrive
from tests.e2e.deployment import Deployment
from tests.e2e.troubled_requests import allow_sns, forbid_sns

POISON = "hemlock"
MOST_SKEW_SECONDS = 60.0

# The worst that each fault comes to of its occasions. A killed worker or function costs this machine seconds
# of work, a stalled worker its time-out.
_COUNTED = {
    "drop_notifications": 0.25,
    "duplicate_notifications": 0.3,
    "delay_notifications": 0.3,
    "kill_workers": 0.02,
    "stall_workers": 0.01,
    "container_errors": 0.15,
    "lose_instances": 0.01,
    "fail_model_loads": 0.3,
}
# Those that end a function come first: of two that come to one call, the first is played.
_CALLS = {"crash-before": 0.005, "crash-after": 0.005, "lose-answer": 0.12, "fail": 0.25, "throttle": 0.35}
_SERVICES = ("", "dynamodb", "s3", "sagemaker")
_FUNCTIONS = ("Front", "Completion", "Reconciliation")
_NONE: dict[str, Any] = {
    **dict.fromkeys(_COUNTED, 0),
    "duplicate_invocations": False,
    "poison": "",
    "clock_skew": {},
    "calls": [],
}


@dataclass(frozen=True)
class Phase:
    """Some seconds of trouble.

    Attributes:
        faults: as the sandbox takes them, each by chance.
        instances: what the fleet is set to; None leaves it to the campaign's own scaling.
        replaced: the endpoint goes over to other instances.
        forbidden: SNS may not invoke completion, so that its messages become dead letters.
        redriven: somebody redrives the dead letters at the end.
    """

    seconds: float
    faults: Mapping[str, Any]
    instances: int | None
    replaced: bool
    forbidden: bool
    redriven: bool


def phases(seed: int) -> Iterator[Phase]:
    """The schedule of ``seed``, without an end."""
    dice = random.Random(seed)  # noqa: S311 - not a secret
    skew: dict[str, float] = {}
    while True:
        if dice.random() < 0.15:  # not each time: a function with another clock is another process
            skew = {one: dice.uniform(-MOST_SKEW_SECONDS, MOST_SKEW_SECONDS) for one in _FUNCTIONS}
        yield Phase(
            seconds=dice.uniform(4, 12),
            faults={
                **{name: _chance(dice, most) for name, most in _COUNTED.items()},
                "duplicate_invocations": dice.random() < 0.2,
                "poison": POISON,
                "clock_skew": skew,
                "calls": _calls(dice),
            },
            instances=dice.choice((1, 2)) if dice.random() < 0.5 else None,
            replaced=dice.random() < 0.05,
            forbidden=dice.random() < 0.1,
            redriven=dice.random() < 0.1,
        )


def _calls(dice: random.Random) -> list[dict[str, Any]]:
    at_a_point = {
        "kind": dice.choice(("crash-before", "crash-after")),
        "function": dice.choice(_FUNCTIONS),
        "after": dice.randrange(6),
        "occasions": {"probability": 0.999, "seed": dice.randrange(2**31), "count": 1},
    }
    by_chance = [
        {"kind": kind, "service": dice.choice(_SERVICES), "occasions": _chance(dice, most)}
        for kind, most in _CALLS.items()
    ]
    return [at_a_point, *by_chance]


def _chance(dice: random.Random, most: float) -> dict[str, Any]:
    """None in a third of the phases."""
    probability = dice.uniform(0, most) if dice.random() < 2 / 3 else 0.0
    return {"probability": probability, "seed": dice.randrange(2**31)}


class Troubles:
    """The schedule of ``seed``, played to ``deployment`` inside the ``with`` block; calm after it.

    Attributes:
        came: how often each kind of trouble came. A call to which two came counts for both.
        letters: what redriving did to the dead letters.
        redriven: the jobs that they were about.
    """

    def __init__(self, deployment: Deployment, seed: int) -> None:
        self.came: Counter[str] = Counter()
        self.letters: Counter[str] = Counter()
        self.redriven: set[str] = set()
        self._deployment = deployment
        self._phases = phases(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, name="troubles", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._deployment.sandbox.inject(**_NONE)

    def redrive(self) -> int:
        """Redrive the dead letters that there are, and tell how many there were."""
        tally = redrive(self._deployment.name, lambda *_: None, session=self._deployment)
        self.letters += tally.counts
        self.redriven |= tally.jobs
        return tally.total

    def _play(self) -> None:
        while not self._over.is_set():
            self._spend(next(self._phases))

    def _spend(self, phase: Phase) -> None:
        sandbox = self._deployment.sandbox
        sandbox.inject(**phase.faults)
        self._change_fleet(phase)
        forbidden = forbid_sns(self._deployment) if phase.forbidden else []
        try:
            self._over.wait(phase.seconds)
        finally:
            allow_sns(self._deployment, forbidden)
        self._count(phase, sandbox.faults())
        if phase.redriven:
            self.redrive()

    def _change_fleet(self, phase: Phase) -> None:
        sagemaker, name = self._deployment.client("sagemaker"), self._deployment.name
        # Refused where the fleet is still changing: it is in trouble enough.
        with suppress(ClientError):
            if phase.replaced:
                config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
                sagemaker.update_endpoint(
                    EndpointName=name, EndpointConfigName=config, RetainAllVariantProperties=True
                )
                self.came["fleet replaced"] += 1
            elif phase.instances is not None:
                desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": phase.instances}
                sagemaker.update_endpoint_weights_and_capacities(
                    EndpointName=name, DesiredWeightsAndCapacities=[desired]
                )
                self.came["fleet resized"] += 1

    def _count(self, phase: Phase, shown: Mapping[str, Any]) -> None:
        self.came.update({name: shown[name]["hit"] for name in _COUNTED})
        for call in shown["calls"]:
            self.came[f"call: {call['kind']}"] += call["occasions"]["hit"]
        self.came["phases"] += 1
        self.came["phases with every invocation twice"] += phase.faults["duplicate_invocations"]
        self.came["phases with clocks off"] += bool(phase.faults["clock_skew"])
        self.came["phases without SNS's permission"] += phase.forbidden
