"""A construct: the REST API at the edge, with its stage, key and usage plan."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.authorizers import authorizer
from stacks.firewall import Firewall
from stacks.openapi import openapi_document, request_rules

STAGE = "live"

# No body, no key, no token, no address: who asked is an id, what was asked is nobody's to read.
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
}


class HttpApi(Construct):
    """POST /v1/images and GET /v1/images/{id}, for those whom the campaign's authorizer lets in.

    Attributes:
        key, plan: the campaign's API key and its usage plan; with another authorizer there are none.
        firewall: the web ACL before the stage, unless the campaign wants none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        key: kms.IKey,
        function: lambda_.IFunction,
    ) -> None:
        """``key`` encrypts the access log."""
        super().__init__(scope, id)
        self._log_key = key
        self._campaign = campaign
        self._stack = cdk.Stack.of(self)
        self._authorizer = authorizer(campaign.file.api)
        self.api = self._build_api(function)
        self.stage = self._build_stage(self._build_deployment())
        self.plan = self._build_plan() if campaign.file.api.authorizer == "api-key" else None
        self.key = self._build_key(self.plan) if self.plan else None
        wants_firewall = campaign.file.api.firewall.enabled
        self.firewall = (
            Firewall(self, "Firewall", campaign=campaign, stage=self.stage, key=key)
            if wants_firewall
            else None
        )
        self.url = (
            f"https://{self.api.ref}.execute-api.{self._stack.region}.{self._stack.url_suffix}/{STAGE}/"
        )
        function.add_permission(
            "Api",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self._stack.format_arn(
                service="execute-api", resource=self.api.ref, resource_name=f"{STAGE}/*/v1/images*"
            ),
        )

    def _build_api(self, function: lambda_.IFunction) -> apigateway.CfnRestApi:
        uri = (
            f"arn:{self._stack.partition}:apigateway:{self._stack.region}:lambda:path/2015-03-31"
            f"/functions/{function.function_arn}/invocations"
        )
        self._document: dict[str, Any] = openapi_document(
            title=self._campaign.name,
            rules=request_rules(self._campaign),
            integration_uri=uri,
            authorizer=self._authorizer,
        )
        return apigateway.CfnRestApi(
            self,
            "Api",
            name=self._campaign.name,
            body=self._document,
            endpoint_configuration={"types": ["REGIONAL"]},
        )

    def _build_deployment(self) -> apigateway.CfnDeployment:
        """A deployment is a snapshot of the API: another document needs another one."""
        content = json.dumps(self._stack.resolve(self._document), sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return apigateway.CfnDeployment(self, f"Deployment{digest}", rest_api_id=self.api.ref)

    def _build_stage(self, deployment: apigateway.CfnDeployment) -> apigateway.CfnStage:
        limits = self._campaign.file.api
        return apigateway.CfnStage(
            self,
            "Stage",
            rest_api_id=self.api.ref,
            deployment_id=deployment.ref,
            stage_name=STAGE,
            tracing_enabled=True,
            method_settings=[
                {
                    "httpMethod": "*",
                    "resourcePath": "/*",
                    "metricsEnabled": True,
                    "dataTraceEnabled": False,
                    "loggingLevel": "OFF",
                    "throttlingRateLimit": limits.requests_per_second,
                    "throttlingBurstLimit": limits.burst,
                }
            ],
            access_log_setting=self._build_access_log() if limits.access_logs else None,
        )

    def _build_access_log(self) -> apigateway.CfnStage.AccessLogSettingProperty:
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/darkroom/{self._campaign.name}/api",
            encryption_key=self._log_key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # API Gateway takes the ARN without the :* that CloudFormation's attribute ends in.
        destination = cdk.Fn.select(0, cdk.Fn.split(":*", log_group.log_group_arn))
        return apigateway.CfnStage.AccessLogSettingProperty(
            destination_arn=destination, format=json.dumps({**ACCESS_LOG, "caller": self._authorizer.caller})
        )

    def _build_plan(self) -> apigateway.CfnUsagePlan:
        limits = self._campaign.file.api
        quota = limits.quota_per_day
        plan = apigateway.CfnUsagePlan(
            self,
            "UsagePlan",
            usage_plan_name=self._campaign.name,
            api_stages=[{"apiId": self.api.ref, "stage": STAGE}],
            throttle={"rateLimit": limits.requests_per_second, "burstLimit": limits.burst},
            quota={"limit": quota, "period": "DAY"} if quota else None,
        )
        plan.node.add_dependency(self.stage)
        return plan

    def _build_key(self, plan: apigateway.CfnUsagePlan) -> apigateway.CfnApiKey:
        key = apigateway.CfnApiKey(
            self, "Key", enabled=True, description=f"Requests of the campaign {self._campaign.name}"
        )
        apigateway.CfnUsagePlanKey(
            self, "UsagePlanKey", key_id=key.ref, key_type="API_KEY", usage_plan_id=plan.ref
        )
        return key
