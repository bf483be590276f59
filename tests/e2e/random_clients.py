"""Clients that ask for pictures at random moments, whether or not those before were answered."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.e2e.deployment import Deployment
from tests.e2e.random_troubles import POISON

_PER_SECOND = 6.0
_MOST_OPEN = 200
_MOST_TRIES = 12
_LINES = 24


@dataclass
class Asked:
    """One client's request: the id that it was given, if it was, and the 5xx that it was answered before."""

    prompt: str
    job_id: str | None = None
    refusals: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Clients:
    """As many clients as there are ``requests``, in open loop: at random moments, six a second.

    Each seventh or so asks for what one of the fifty before it asked for; one in two hundred for poison. Of
    those that are answered with a 5xx a third give up, the others ask again.

    Args:
        open_jobs: how many jobs are not terminal; while they are 200 nobody new comes, so that this
            machine keeps up.
    """

    deployment: Deployment
    requests: int
    seed: int
    open_jobs: Callable[[], int]

    def run(self) -> list[Asked]:
        """Ask for all; returns when each is answered for the last time."""
        dice = random.Random(self.seed)  # noqa: S311 - not a secret
        prompts: list[str] = []
        with ThreadPoolExecutor(_LINES, thread_name_prefix="client") as pool:
            answers = []
            for number in range(self.requests):
                time.sleep(dice.expovariate(_PER_SECOND))
                while self.open_jobs() >= _MOST_OPEN:
                    time.sleep(0.2)
                if number % 500 == 0:
                    print(f"{number} asked for, {self.open_jobs()} open", flush=True)
                prompts.append(self._prompt(dice, number, prompts))
                answers.append(pool.submit(self._ask, prompts[-1], dice.randrange(2**31)))
            return [answer.result() for answer in answers]

    def _prompt(self, dice: random.Random, number: int, before: list[str]) -> str:
        if before and dice.random() < 0.15:
            return dice.choice(before[-50:])
        what = POISON if dice.random() < 0.005 else "lemonade"
        return f"{number} glasses of {what}, run {self.seed}"

    def _ask(self, prompt: str, seed: int) -> Asked:
        dice, asked = random.Random(seed), Asked(prompt)  # noqa: S311 - not a secret
        for _ in range(_MOST_TRIES):
            answer = self.deployment.api.ask({"prompt": prompt, "steps": 1})
            if answer.status in (200, 202):
                asked.job_id = str(answer.body["id"])
                return asked
            assert answer.status >= 500, answer
            asked.refusals.append(answer.status)
            if dice.random() < 0.3:
                return asked
            time.sleep(dice.uniform(0.5, 5))
        return asked


def refusals(asked: list[Asked]) -> Counter[int]:
    """How often each 5xx was answered."""
    return Counter(status for one in asked for status in one.refusals)
