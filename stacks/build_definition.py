"""The state machine that makes a bundle and has it served, in the Amazon States Language.

    ask -> [fine-tune] -> compile -> publish (verify first) -> point -> update the stacks -> tell

Whatever fails leads to: [put back what was served, update the stacks] -> tell -> fail.
Its input is ``{}``, or any of source, pictures, name, recipe, steps, rank, seed (docs/model-build.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stacks.build_jobs import CAPACITY_ROUNDS, MARGIN, JobSpec, Place, State, channel, job_states
from stacks.served_bundle import PREFIX, parameter_name
from stacks.stack_updates import LONGEST, stacks_to_update, transient, update_states

REQUEST = ("recipe", "source", "pictures", "name", "steps", "rank", "seed")


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
            **_asking(machine),
            **_fine_tuning(machine),
            **_compiling(machine),
            **_publishing(machine),
            **_serving(machine),
            **_telling(machine),
        },
    }


def _asking(machine: Machine) -> dict[str, State]:
    """Take what was asked for, with the defaults, and refuse what can't be done."""
    nothing = {**dict.fromkeys(REQUEST, ""), "recipe": machine.recipe}
    defaults = {
        "request": nothing,
        "error": {"Error": "", "Cause": ""},
        "stacks": stacks_to_update(machine.stacks),
    }
    asked = _given("pictures")
    tuning: list[dict[str, Any]] = [
        {"And": [asked, _given("source")], "Next": "FineTune"},
        {**asked, "Next": "No source"},
    ]
    return {
        "Ask": {
            "Type": "Pass",
            "Parameters": {"defaults": defaults, "given.$": "$"},
            "Next": "Prepare",
        },
        "Prepare": {
            "Type": "Pass",
            "Parameters": {
                "id.$": "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)",
                "request.$": "States.JsonMerge($.defaults.request, $.given, false)",
                "defaults.$": "$.defaults",
                "rounds": {name: {"number": 0} for name in ("finetune", "compile", "publish")},
            },
            "Next": "Look at it",
        },
        "Look at it": {
            "Type": "Choice",
            "Choices": [
                {
                    "Not": {"Variable": "$.request.recipe", "StringEquals": machine.recipe},
                    "Next": "Another recipe",
                },
                *(tuning if machine.fine_tuning else [{**asked, "Next": "No fine-tuning"}]),
                {**_given("source"), "Next": "With a source"},
            ],
            "Default": "Without a source",
        },
        "Another recipe": _refused(
            f"the campaign's recipe is {machine.recipe}: its API allows what that can do"
        ),
        **(
            {"No source": _refused("pictures fine-tune a source: give source, too")}
            if machine.fine_tuning
            else {"No fine-tuning": _refused("pictures are given, and the campaign has no build.fine_tune")}
        ),
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
        hyper_parameters=_texts("steps", "rank", "seed"),
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
            **_texts("name"),
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
        "Read the result": _call(
            partition,
            "s3:getObject",
            {"Bucket": bucket, "Key.$": "States.Format('results/{}.json', $.id)"},
            ResultSelector={"said.$": "States.StringToJson($.Body)"},
            ResultPath="$.result",
            failed="Explain",
            then="Read what is served",
        ),
    }


def _serving(machine: Machine) -> dict[str, State]:
    """Point the campaign at the bundle; put everything back if its stacks don't take it."""
    partition, name = machine.place.partition, parameter_name(machine.place.campaign)
    point = {"Name": name, "Overwrite": True}
    return {
        "Read what is served": _call(
            partition,
            "ssm:getParameter",
            {"Name": name},
            ResultSelector={"value.$": "$.Parameter.Value"},
            ResultPath="$.before",
            failed="Explain",
            then="Point",
        ),
        "Point": _call(
            partition,
            "ssm:putParameter",
            {**point, "Value.$": "$.result.said.bundle"},
            ResultPath=None,
            failed="Put back",
            then="Serve",
        ),
        **update_states("Serve", partition=partition, then="Tell", failed="Put back", error="$.error"),
        "Put back": _call(
            partition,
            "ssm:putParameter",
            {**point, "Value.$": "$.before.value"},
            ResultPath=None,
            failed="Explain",
            error="$.while_putting_back",
            then="Serve as before",
        ),
        **update_states(
            "Serve as before",
            partition=partition,
            then="Explain",
            failed="Explain",
            error="$.while_putting_back",
        ),
    }


def _telling(machine: Machine) -> dict[str, State]:
    campaign, partition = machine.place.campaign, machine.place.partition
    about = {"campaign": campaign, "build.$": "$$.Execution.Name", "execution.$": "$$.Execution.Id"}
    return {
        "Tell": _call(
            partition,
            "sns:publish",
            {
                "TopicArn": machine.topic_arn,
                "Subject": f"{campaign} serves a new bundle",
                "Message": {**about, "status": "served", "bundle.$": "$.result.said.bundle"},
            },
            optimized=True,
            ResultPath=None,
            failed="Served",
            error="$.while_telling",
            then="Served",
        ),
        "Served": {
            "Type": "Pass",
            "Parameters": {"bundle.$": "$.result.said.bundle"},
            "End": True,
        },
        "Explain": {
            "Type": "Pass",
            "Parameters": {"error.$": "States.JsonMerge($.defaults.error, $.error, false)"},
            "Next": "Tell of the failure",
        },
        "Tell of the failure": _call(
            partition,
            "sns:publish",
            {
                "TopicArn": machine.topic_arn,
                "Subject": f"A build of {campaign} failed",
                "Message": {
                    **about,
                    "status": "failed",
                    "error.$": "$.error.Error",
                    "cause.$": "$.error.Cause",
                },
            },
            optimized=True,
            ResultPath=None,
            failed="Failed",
            error="$.while_telling",
            then="Failed",
        ),
        # A state machine's own errors must not begin with "States.", as the name of what failed may.
        "Failed": {"Type": "Fail", "Error": "BuildFailed", "CausePath": "$.error.Cause"},
    }


def _call(
    partition: str,
    action: str,
    parameters: dict[str, Any],
    *,
    failed: str,
    then: str,
    error: str = "$.error",
    optimized: bool = False,
    **more: Any,
) -> State:
    service = "" if optimized else "aws-sdk:"
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::{service}{action}",
        "Parameters": parameters,
        **more,
        "TimeoutSeconds": 300,
        "Retry": [transient()],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": error, "Next": failed}],
        "Next": then,
    }


def _given(name: str) -> dict[str, Any]:
    return {"Not": {"Variable": f"$.request.{name}", "StringEquals": ""}}


def _texts(*names: str) -> dict[str, str]:
    """Values of the request as SageMaker takes hyperparameters: as text."""
    return {f"{name}.$": f"States.Format('{{}}', $.request.{name})" for name in names}


def _refused(cause: str) -> State:
    return {
        "Type": "Pass",
        "Result": {"Error": "RequestRefused", "Cause": cause},
        "ResultPath": "$.error",
        "Next": "Explain",
    }
