"""A construct: the function that ends the API keys which `darkroom keys` made beside the stack's own."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.permissions import allow, allow_service
from stacks.python_function import PythonFunction


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
        self._run_every_quarter(dead_letters)
        cleanup = cdk.CustomResource(
            self,
            "OnDestroy",
            resource_type="Custom::ApiKeys",
            service_token=self.function.function.function_arn,
            # Its plan: so it is deleted, and the keys with it, while the plan still lists them.
            properties={"UsagePlanId": plan.ref},
        )
        cleanup.node.add_dependency(key)

    def _run_every_quarter(self, dead_letters: sqs.Queue) -> None:
        rule = events.CfnRule(
            self,
            "EveryQuarter",
            description="Revokes API keys whose grace is over",
            schedule_expression="rate(15 minutes)",
            targets=[
                {
                    "id": "api-keys",
                    "arn": self.function.function.function_arn,
                    "deadLetterConfig": {"arn": dead_letters.queue_arn},
                    # The next run does it.
                    "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
                }
            ],
        )
        self.function.function.add_permission(
            "Schedule", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )
        dead_letters.add_to_resource_policy(
            allow_service(
                "events.amazonaws.com",
                ["sqs:SendMessage"],
                dead_letters.queue_arn,
                source_arns=[rule.attr_arn],
            )
        )
