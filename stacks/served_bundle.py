"""The bundle that a campaign serves, as its templates see it.

Without a build section a campaign's bundle is known when it is synthesized. With one, it is what an SSM
parameter says when a stack is deployed or updated: CloudFormation reads a parameter of the type
``AWS::SSM::Parameter::Value`` anew at every update, with the previous value (the parameter's name) too
(CloudFormation user guide, "Systems Manager parameter types"). So one update of the stack with its own
template brings a new bundle, and there is no second way to change an endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from darkroom.campaign import ResolvedCampaign

NONE = "none"
"""What the parameter says before the first build."""

PARAMETER = "ServedBundle"
"""The logical id of the CloudFormation parameter in the stacks that depend on the bundle."""

PREFIX = "bundles/"
"""Where in the campaign's bucket bundles are published."""


@dataclass(frozen=True)
class BuiltBundles:
    """Where builds publish, and where they say what is served.

    Attributes:
        bucket: holds the bundles below :data:`PREFIX`.
        parameter: its value is the URI of the bundle that is served, or :data:`NONE`.
    """

    bucket: s3.IBucket
    parameter: ssm.CfnParameter


@dataclass(frozen=True)
class ServedBundle:
    """What one stack serves; ``built`` is the condition that a build has published something."""

    uri: str
    condition: cdk.CfnCondition


def parameter_name(campaign: str) -> str:
    """The name of the SSM parameter that says what is served."""
    return f"/darkroom/{campaign}/bundle"


def build_log_group(campaign: str) -> str:
    """Where the state machine of builds logs; the prefix is the one for what services deliver."""
    return f"/aws/vendedlogs/states/{campaign}-build"


def served_bundle(stack: cdk.Stack, campaign: ResolvedCampaign) -> ServedBundle:
    """Make the stack depend on the parameter's value; for campaigns with a build section."""
    parameter = cdk.CfnParameter(
        stack,
        PARAMETER,
        type="AWS::SSM::Parameter::Value<String>",
        default=parameter_name(campaign.name),
        description="The S3 URI of the bundle that the last build published",
    )
    uri = parameter.value_as_string
    published = cdk.Fn.condition_not(cdk.Fn.condition_equals(uri, NONE))
    return ServedBundle(uri, cdk.CfnCondition(stack, "BundleIsBuilt", expression=published))


def if_built(served: ServedBundle, value: str, otherwise: str) -> str:
    """``value`` once a build has published something, until then ``otherwise``."""
    return cdk.Fn.condition_if(served.condition.logical_id, value, otherwise).to_string()
