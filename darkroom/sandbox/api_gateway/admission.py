"""Whether a request may go on to its function: the firewall, the caller, the limits, in this order."""

from __future__ import annotations

from typing import Any

from moto.apigateway.models import Stage

from darkroom.sandbox.api_gateway import response
from darkroom.sandbox.api_gateway.arrival import Arrival
from darkroom.sandbox.api_gateway.caller import Caller
from darkroom.sandbox.api_gateway.openapi import Operation
from darkroom.sandbox.api_gateway.response import RefusedError
from darkroom.sandbox.api_gateway.signature import verify_signature
from darkroom.sandbox.api_gateway.throttling import Limit, Quotas, Throttles
from darkroom.sandbox.api_gateway.tokens import verify_token
from darkroom.sandbox.context import Context
from darkroom.sandbox.service_metrics import ServiceMetrics
from darkroom.sandbox.wafv2.firewall import Firewall, Inspected

_ACCOUNT_LIMIT = Limit(10_000, 5_000)


class Admission:
    """Lets requests in, and counts them."""

    def __init__(self, context: Context, metrics: ServiceMetrics) -> None:
        self._clock = context.clock
        self._throttles = Throttles()
        self._quotas = Quotas()
        self._firewall = Firewall(context, metrics)

    def pass_firewall(self, arrival: Arrival) -> None:
        """Ask the stage's web ACL, which sees a request before anything else does.

        Raises:
            RefusedError: it blocks the request.
        """
        request, deployed = arrival.request, arrival.deployed
        inspected = Inspected(
            account_id=deployed.account_id,
            region=deployed.region,
            api_id=request.api_id,
            stage=request.stage,
            address=request.source_ip,
            method=request.method,
            path=f"/{request.stage}{request.path}",
            query=request.raw_query,
            headers={name.lower(): ",".join(values) for name, values in request.headers.items()},
            request_id=request.extended_id,
        )
        if self._firewall.inspect(inspected) is not None:
            raise RefusedError(response.WAF_FILTERED)

    def admit(self, arrival: Arrival, operation: Operation, body: bytes) -> Caller | None:
        """Find out who asks, and take the request out of the caller's limits and the stage's.

        Raises:
            RefusedError: nobody who may, or too many requests.
        """
        caller = self._authorize(arrival, operation, body)
        if operation.security.api_key:
            caller = self._check_key(arrival)
        limit = _method_limit(arrival.stage, operation)
        name = (arrival.request.api_id, arrival.request.stage, operation.method, operation.resource_path)
        if not self._throttles.admits(name, limit):
            raise RefusedError(response.THROTTLED)
        return caller

    @staticmethod
    def _authorize(arrival: Arrival, operation: Operation, body: bytes) -> Caller | None:
        request, deployed, security = arrival.request, arrival.deployed, operation.security
        if security.signed:
            return verify_signature(request, body, deployed.account_id, deployed.region, arrival.method_arn)
        if security.pools is not None:
            return verify_token(request.header("authorization"), security.pools)
        return None

    def _check_key(self, arrival: Arrival) -> Caller:
        request, backend = arrival.request, arrival.api.backend
        value = request.header("x-api-key")
        stage = {"apiId": request.api_id, "stage": request.stage}
        key = next((key for key in list(backend.keys.values()) if key.enabled and key.value == value), None)
        if key is None:
            raise RefusedError(response.INVALID_API_KEY)
        for plan in list(backend.usage_plans.values()):
            if key.id in backend.usage_plan_keys.get(plan.id, {}) and any(
                stage.items() <= entry.items() for entry in plan.api_stages
            ):
                self._check_plan(plan.id, key.id, plan.throttle, plan.quota)
                return Caller({"apiKey": key.value, "apiKeyId": key.id})
        raise RefusedError(response.INVALID_API_KEY)

    def _check_plan(self, plan_id: str, key_id: str, throttle: dict[str, Any], quota: dict[str, Any]) -> None:
        name = (plan_id, key_id)
        if throttle:
            limit = Limit(float(throttle["rateLimit"]), float(throttle["burstLimit"]))
            if not self._throttles.admits(name, limit):
                raise RefusedError(response.THROTTLED)
        if quota and not self._quotas.admits(name, quota, self._clock.now_datetime()):
            raise RefusedError(response.QUOTA_EXCEEDED)


def _method_limit(stage: Stage, operation: Operation) -> Limit:
    """The stage's limit for a method: its own setting, else the one of all methods, else the account's."""
    path = operation.resource_path.replace("/", "~1")
    for key in (f"{path}/{operation.method}", "*/*"):
        settings = stage.method_settings.get(key)
        if settings:
            return Limit(float(settings["throttlingRateLimit"]), float(settings["throttlingBurstLimit"]))
    return _ACCOUNT_LIMIT
