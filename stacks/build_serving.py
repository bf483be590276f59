"""The end of a build, in the state machine: have its bundle served, and tell how it went."""

from __future__ import annotations

from stacks.build_calls import call
from stacks.build_jobs import Place, State
from stacks.served_bundle import parameter_name
from stacks.stack_updates import update_states


def serving(place: Place) -> dict[str, State]:
    """Point the campaign at the bundle; put everything back if its stacks don't take it.

    From "Read what is served", with the bundle in ``$.result``, to Tell or Explain.
    """
    partition, name = place.partition, parameter_name(place.campaign)
    point = {"Name": name, "Overwrite": True}
    return {
        "Read what is served": call(
            partition,
            "ssm:getParameter",
            {"Name": name},
            ResultSelector={"value.$": "$.Parameter.Value"},
            ResultPath="$.before",
            failed="Explain",
            then="Point",
        ),
        "Point": call(
            partition,
            "ssm:putParameter",
            {**point, "Value.$": "$.result.said.bundle"},
            ResultPath=None,
            failed="Put back",
            then="Serve",
        ),
        **update_states("Serve", partition=partition, then="Tell", failed="Put back", error="$.error"),
        "Put back": call(
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


def telling(place: Place, topic_arn: str) -> dict[str, State]:
    """Publish how the build ended, from Tell or from Explain, and end as it did."""
    campaign, partition = place.campaign, place.partition
    about = {"campaign": campaign, "build.$": "$$.Execution.Name", "execution.$": "$$.Execution.Id"}
    return {
        "Tell": call(
            partition,
            "sns:publish",
            {
                "TopicArn": topic_arn,
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
        "Tell of the failure": call(
            partition,
            "sns:publish",
            {
                "TopicArn": topic_arn,
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
