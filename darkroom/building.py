"""`darkroom build`: starts a deployed campaign's model build, and follows it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.exceptions

from darkroom.deployed import stack_outputs

_POLL_SECONDS = 2.0
# The states that a person waits for; the rest are steps between them.
STEPS = {
    "FineTune": "Fine-tuning",
    "Compile": "Compiling",
    "Publish": "Verifying and publishing",
    "Point": "Pointing the campaign at the bundle",
    "Serve": "Updating the stacks: the endpoint starts with the new bundle",
    "Put back": "Putting back what was served",
}


class BuildError(Exception):
    """A build can't be started, or failed; the text says why."""


@dataclass(frozen=True)
class BuildRequest:
    """What a build is asked for; what is left out is the recipe's own or a default.

    Attributes:
        source: the s3:// prefix of weights, below one of the campaign's ``build.sources``.
        pictures: the s3:// prefix of captioned pictures to fine-tune on.
        name: the bundle's name.
    """

    source: str | None = None
    pictures: str | None = None
    name: str | None = None
    steps: int | None = None
    rank: int | None = None
    seed: int | None = None

    def input(self) -> str:
        """The execution's input."""
        return json.dumps({name: value for name, value in vars(self).items() if value is not None})


def start_build(campaign: str, request: BuildRequest, session: Any = None) -> str:
    """Start a build; its execution's ARN.

    Args:
        session: a boto3 session; the environment's by default.

    Raises:
        NotDeployedError: there is no build stack of it where the session looks.
        BuildError: Step Functions refuses.
    """
    session = session or boto3.Session()
    arn = stack_outputs(f"{campaign}-build", session)["StateMachineArn"]
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    states = session.client("stepfunctions")
    try:
        started = states.start_execution(stateMachineArn=arn, name=name, input=request.input())
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise BuildError(f"the build of {campaign} can't be started: {error}") from error
    return str(started["executionArn"])


def follow_build(execution: str, report: Callable[[str], None], session: Any = None) -> str:
    """Wait for a build's end, and report its steps as they begin; the URI of the bundle.

    Raises:
        BuildError: it failed.
    """
    states = (session or boto3.Session()).client("stepfunctions")
    told: set[str] = set()
    while True:
        described = states.describe_execution(executionArn=execution)
        for step in _steps(states, execution):
            if step not in told:
                told.add(step)
                report(STEPS[step])
        if described["status"] != "RUNNING":
            return _outcome(described)
        time.sleep(_POLL_SECONDS)


def _steps(states: Any, execution: str) -> Iterator[str]:
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    for page in pages:
        for event in page["events"]:
            name = event.get("stateEnteredEventDetails", {}).get("name")
            if name in STEPS:
                yield name


def _outcome(described: Mapping[str, Any]) -> str:
    if described["status"] == "SUCCEEDED":
        return str(json.loads(described["output"])["bundle"])
    ended = described["status"].lower().replace("_", " ")
    raise BuildError(f"the build {ended}: {_reason(described.get('cause', ''))}".rstrip(": "))


def _reason(cause: str) -> str:
    """Of a failed job, which is told whole, why it failed."""
    try:
        job = json.loads(cause)
    except ValueError:
        return cause
    return str(job.get("FailureReason", cause)) if isinstance(job, dict) else cause
