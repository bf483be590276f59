"""A construct: the function that ends the API keys which `darkroom keys` made beside the stack's own."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.permissions import allow
from stacks.python_function import PythonFunction
from stacks.schedule import run_every


class ApiKeys(Construct):
    """Revokes keys whose grace is over, and deletes all that are left when the stack is destroyed.

    Attributes:
        made_keys: the ARN of the keys that it may read and delete: those tagged with the campaign.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: str,
        code: lambda_.Code,
        plan: apigateway.CfnUsagePlan,
        key: apigateway.CfnApiKey,
        dead_letters: sqs.Queue,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        api_gateway = f"arn:{stack.partition}:apigateway:{stack.region}::"
        self.made_keys = f"{api_gateway}/apikeys/*"
        tagged = {"StringEquals": {"aws:ResourceTag/darkroom:campaign": campaign}}
        self.function = PythonFunction(
            self,
            "Cleanup",
            campaign=campaign,
            handler="api_keys.handler.handler",
            code=code,
            environment={"CAMPAIGN": campaign, "USAGE_PLAN": plan.ref, "KEY_ID": key.ref},
            statements=[
                allow(["apigateway:GET"], [f"{api_gateway}/usageplans/{plan.ref}/keys"]),
                # API Gateway makes a key's id: what the campaign's are is in their tag.
                allow(["apigateway:GET", "apigateway:DELETE"], [self.made_keys], tagged),
                allow(["apigateway:PATCH"], [f"{api_gateway}/apikeys/{key.ref}"]),
            ],
            timeout=cdk.Duration.minutes(5),
            memory_size=256,
            key=encryption_key,
            # It calls API Gateway's control plane, and nothing of what the campaign holds.
            network=None,
            dead_letters=dead_letters,
        )
        run_every(
            self,
            "EveryQuarter",
            rate="15 minutes",
            function=self.function,
            target="api-keys",
            description="Revokes API keys whose grace is over",
            dead_letters=dead_letters,
        )
        cleanup = cdk.CustomResource(
            self,
            "OnDestroy",
            resource_type="Custom::ApiKeys",
            service_token=self.function.function.function_arn,
            # Its plan: so it is deleted, and the keys with it, while the plan still lists them.
            properties={"UsagePlanId": plan.ref},
        )
        cleanup.node.add_dependency(key)
