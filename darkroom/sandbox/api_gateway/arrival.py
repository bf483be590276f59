"""A request at a stage that exists, and the context variables that it fills."""

from __future__ import annotations

from dataclasses import dataclass

from moto.apigateway.models import Stage

from darkroom.sandbox.api_gateway.openapi import Api
from darkroom.sandbox.api_gateway.proxy import Deployed
from darkroom.sandbox.api_gateway.registry import RestApi
from darkroom.sandbox.api_gateway.request import Request
from darkroom.sandbox.api_gateway.tracing import StageTrace


@dataclass(frozen=True)
class Arrival:
    """A request, and where it arrived."""

    request: Request
    api: RestApi
    document: Api
    stage: Stage
    deployed: Deployed
    trace: StageTrace

    @property
    def method_arn(self) -> str:
        """The method as IAM and Lambda permissions name it."""
        request, deployed = self.request, self.deployed
        return (
            f"arn:aws:execute-api:{deployed.region}:{deployed.account_id}:{request.api_id}/{request.stage}"
            f"/{request.method}{request.path}"
        )

    def variables(self) -> dict[str, str]:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html."""
        request, deployed = self.request, self.deployed
        return {
            "context.accountId": deployed.account_id,
            "context.apiId": request.api_id,
            "context.deploymentId": deployed.deployment_id,
            "context.domainName": request.header("host"),
            "context.extendedRequestId": request.extended_id,
            "context.httpMethod": request.method,
            "context.identity.sourceIp": request.source_ip,
            "context.identity.userAgent": request.header("user-agent"),
            "context.path": f"/{request.stage}{request.path}",
            "context.protocol": request.protocol,
            "context.requestId": request.request_id,
            "context.requestTime": request.request_time,
            "context.requestTimeEpoch": str(request.request_time_epoch),
            "context.stage": request.stage,
        }
