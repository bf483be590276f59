"""The state machine that makes a bundle and has it served, in the Amazon States Language.

    ask -> [fine-tune] -> compile -> publish (verify first) -> point -> update the stacks -> tell

Whatever fails leads to: [put back what was served, update the stacks] -> tell -> fail.
Its input is ``{}``, or any of source, pictures, name, recipe, steps, rank, seed (docs/model-build.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stacks.build_calls import call
from stacks.build_jobs import CAPACITY_ROUNDS, MARGIN, JobSpec, Place, State, channel, job_states
from stacks.build_request import asking, texts
from stacks.build_serving import serving, telling
from stacks.served_bundle import PREFIX
from stacks.stack_updates import LONGEST


@dataclass(frozen=True)
class Machine:
    """What the definition depends on.

    Attributes:
        fine_tuning: None if the campaign's builds don't fine-tune.
        stacks: the names of the stacks to update, in order.
    """

    recipe: str
    compiler: str
    place: Place
    fine_tuning: Job | None
    compiling: Job
    publishing: Job
    topic_arn: str
    stacks: Sequence[str]


@dataclass(frozen=True)
class Job:
    """Where a job runs, as what, and how long it may."""

    image: str
    role_arn: str
    instance_type: str
    volume_size: int
    timeout: int


def definition(machine: Machine) -> dict[str, Any]:
    """The whole state machine."""
    jobs = [machine.compiling, machine.publishing, *([machine.fine_tuning] if machine.fine_tuning else [])]
    # Every state has a time-out of its own, so this one is never met as long as those hold.
    longest = sum((one.timeout + MARGIN + 900) * CAPACITY_ROUNDS for one in jobs) + 4 * LONGEST
    return {
        "Comment": f"Makes a bundle of {machine.recipe} and has {machine.place.campaign} serve it",
        "StartAt": "Ask",
        "TimeoutSeconds": longest,
        "States": {
            **asking(machine.recipe, fine_tunes=machine.fine_tuning is not None, stacks=machine.stacks),
            **_fine_tuning(machine),
            **_compiling(machine),
            **_publishing(machine),
            **serving(machine.place),
            **telling(machine.place, machine.topic_arn),
        },
    }


def _fine_tuning(machine: Machine) -> dict[str, State]:
    if machine.fine_tuning is None:
        return {}
    tuning = machine.fine_tuning
    job = JobSpec(
        name="FineTune",
        command="fine-tune",
        **vars(tuning),
        channels=[
            channel("source", path="$.request.source"),
            channel("pictures", path="$.request.pictures"),
        ],
        hyper_parameters=texts("steps", "rank", "seed"),
    )
    return {
        **job_states(job, machine.place, then="Tuned", failed="Explain"),
        "Tuned": {
            "Type": "Pass",
            "InputPath": "$.finetune.model",
            "ResultPath": "$.request.source",
            "Next": "With a source",
        },
    }


def _compiling(machine: Machine) -> dict[str, State]:
    code = channel("code", uri=machine.place.code)
    job = JobSpec(
        name="Compile",
        command="compile",
        **vars(machine.compiling),
        channels="$.channels.list",
        hyper_parameters={
            "recipe": machine.recipe,
            "compiler": machine.compiler,
            **texts("name"),
        },
        # A trace for the CPU takes less time than its cache would to come.
        cached=machine.compiler == "neuron",
    )
    return {
        "With a source": _channels([code, channel("source", path="$.request.source")]),
        "Without a source": _channels([code]),
        **job_states(job, machine.place, then="Publish", failed="Explain"),
    }


def _channels(channels: list[dict[str, Any]]) -> State:
    return {
        "Type": "Pass",
        "Parameters": {"list": channels},
        "ResultPath": "$.channels",
        "Next": "Compile",
    }


def _publishing(machine: Machine) -> dict[str, State]:
    bucket, partition = machine.place.bucket, machine.place.partition
    job = JobSpec(
        name="Publish",
        command="publish",
        **vars(machine.publishing),
        channels=[channel("bundle", path="$.compile.model")],
        hyper_parameters={
            "destination": f"s3://{bucket}/{PREFIX}",
            "result.$": f"States.Format('s3://{bucket}/results/{{}}.json', $.id)",
        },
    )
    return {
        **job_states(job, machine.place, then="Read the result", failed="Explain"),
        "Read the result": call(
            partition,
            "s3:getObject",
            {"Bucket": bucket, "Key.$": "States.Format('results/{}.json', $.id)"},
            ResultSelector={"said.$": "States.StringToJson($.Body)"},
            ResultPath="$.result",
            failed="Explain",
            then="Read what is served",
        ),
    }
