"""The states that bring what is served to the stacks: each is updated with its own template.

CloudFormation reads the SSM parameter anew, replaces what depends on it, and takes it back when the new
endpoint does not come up. The stacks follow one another: first the endpoint draws with the new bundle, then
requests are told apart from those that the old one drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stacks.build_jobs import State
from stacks.served_bundle import PARAMETER

WAIT = 30
# A stack update may take so many seconds; the endpoint starts and warms up meanwhile.
LONGEST = 3 * 3600
_MOST_LOOKS = LONGEST // WAIT
# What the templates declare: the CDK's own parameter and ours.
PARAMETERS = ("BootstrapVersion", PARAMETER)


def stacks_to_update(names: Sequence[str]) -> list[dict[str, Any]]:
    """What the states of :func:`update_states` are given, one a stack."""
    return [{"name": name, "count": {"looks": 0}} for name in names]


def update_states(name: str, *, partition: str, then: str, failed: str, error: str) -> dict[str, State]:
    """A state that updates all stacks of ``$.defaults.stacks``, one after the other.

    Args:
        error: the path that what went wrong is put at.
    """
    return {
        name: {
            "Type": "Map",
            "ItemsPath": "$.defaults.stacks",
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Update",
                "States": _one_stack(partition),
            },
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": error, "Next": failed}],
            "Next": then,
        }
    }


def _one_stack(partition: str) -> dict[str, State]:
    sdk = f"arn:{partition}:states:::aws-sdk:cloudformation"
    patient = {"Variable": "$.count.looks", "NumericLessThan": _MOST_LOOKS}
    return {
        "Update": {
            "Type": "Task",
            "Resource": f"{sdk}:updateStack",
            "Parameters": {
                "StackName.$": "$.name",
                "UsePreviousTemplate": True,
                "Parameters": [{"ParameterKey": key, "UsePreviousValue": True} for key in PARAMETERS],
                # The stacks have roles, whose names CloudFormation makes.
                "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            },
            "TimeoutSeconds": 120,
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.refusal", "Next": "Refused"}],
            "Next": "Wait",
        },
        "Refused": {
            "Type": "Choice",
            "Choices": [
                _says("*No updates are to be performed*", "Updated"),
                # Somebody deploys, or another build is at it.
                {"And": [_says("*_IN_PROGRESS state*"), patient], "Next": "Wait for another"},
                {"And": [_says("*Rate exceeded*"), patient], "Next": "Wait for another"},
            ],
            "Default": "Not accepted",
        },
        "Wait for another": {"Type": "Wait", "Seconds": WAIT, "Next": "Count the tries"},
        "Count the tries": _count("Update"),
        "Wait": {"Type": "Wait", "Seconds": WAIT, "Next": "Count the looks"},
        "Count the looks": _count("Look"),
        "Look": {
            "Type": "Task",
            "Resource": f"{sdk}:describeStacks",
            "Parameters": {"StackName.$": "$.name"},
            "ResultSelector": {"found.$": "$.Stacks[0]"},
            "ResultPath": "$.stack",
            "TimeoutSeconds": 120,
            "Retry": [transient()],
            "Next": "How far",
        },
        "How far": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.stack.found.StackStatus",
                    "StringEquals": "UPDATE_COMPLETE",
                    "Next": "Updated",
                },
                {
                    "And": [
                        {"Variable": "$.stack.found.StackStatus", "StringMatches": "*_IN_PROGRESS"},
                        patient,
                    ],
                    "Next": "Wait",
                },
            ],
            "Default": "Not updated",
        },
        "Not updated": {
            "Type": "Fail",
            "Error": "StackNotUpdated",
            "CausePath": "States.Format('stack {} is {}', $.name, $.stack.found.StackStatus)",
        },
        "Not accepted": {
            "Type": "Fail",
            "Error": "StackUpdateRefused",
            "CausePath": "States.Format('stack {}: {}', $.name, $.refusal.Cause)",
        },
        "Updated": {"Type": "Succeed"},
    }


def transient() -> dict[str, Any]:
    """A retry for calls that only ask, or that do the same when they are made twice."""
    return {
        "ErrorEquals": ["States.TaskFailed", "States.Timeout"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 5,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def _says(pattern: str, then: str | None = None) -> dict[str, Any]:
    rule = {"Variable": "$.refusal.Cause", "StringMatches": pattern}
    return rule if then is None else {**rule, "Next": then}


def _count(then: str) -> State:
    return {
        "Type": "Pass",
        "Parameters": {"looks.$": "States.MathAdd($.count.looks, 1)"},
        "ResultPath": "$.count",
        "Next": then,
    }
