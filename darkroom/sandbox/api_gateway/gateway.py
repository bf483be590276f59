"""Serves the stages of REST APIs: key, throttle, validation, function, response, in that order."""

from __future__ import annotations

import concurrent.futures
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from moto.apigateway.models import Stage
from moto.awslambda.exceptions import UnknownFunctionException
from moto.logs.models import logs_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox.api_gateway import proxy, response, tracing
from darkroom.sandbox.api_gateway.openapi import Api, Operation
from darkroom.sandbox.api_gateway.registry import Registry, RestApi
from darkroom.sandbox.api_gateway.request import Request, request_of
from darkroom.sandbox.api_gateway.response import RefusedError, Response
from darkroom.sandbox.api_gateway.throttling import Limit, Quotas, Throttles
from darkroom.sandbox.api_gateway.validation import body_errors, missing_parameters
from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime import invocations
from darkroom.sandbox.lambda_runtime.function import require_permission
from darkroom.sandbox.lambda_runtime.lookup import find
from darkroom.sandbox.service_metrics import Metric, ServiceMetrics

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
_MAXIMUM_BODY = 10 * 1024 * 1024
_ACCOUNT_LIMIT = Limit(10_000, 5_000)


@dataclass(frozen=True)
class _Arrival:
    """A request at a stage that exists."""

    request: Request
    api: RestApi
    document: Api
    stage: Stage
    deployed: proxy.Deployed
    trace: tracing.StageTrace


class Gateway:
    """The WSGI application under ``/execute-api/``."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self._clock = context.clock
        self._registry = registry
        self._throttles = Throttles()
        self._quotas = Quotas()
        self._metrics = ServiceMetrics(context)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = request_of(environ, self._clock.now())
        answer = self._respond(request)
        headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
        start_response(_status_line(answer.status), headers)
        return [] if request.method == "HEAD" else [answer.body]

    def _respond(self, request: Request) -> Response:
        arrival = self._arrive(request)
        if arrival is None:
            return response.gateway_response(response.UNKNOWN_STAGE, {}, request, {})
        start = time.monotonic()
        variables = _variables(arrival)
        try:
            answer = self._serve(arrival, variables)
        except RefusedError as error:
            answer = response.gateway_response(error.refusal, arrival.document.responses, request, variables)
        self._record(arrival, answer, (time.monotonic() - start) * 1000, variables)
        return answer

    def _arrive(self, request: Request) -> _Arrival | None:
        api = self._registry.find(request.api_id)
        rest_api = api.backend.apis.get(request.api_id) if api else None
        if api is None or rest_api is None:
            return None
        stage = rest_api.stages.get(request.stage)
        document = api.deployments.get(str(stage.deployment_id)) if stage else None
        if stage is None or document is None:
            return None
        deployed = proxy.Deployed(
            api.account_id, api.region, rest_api.name, str(stage.deployment_id), stage.variables
        )
        trace = tracing.begin(request, is_active=bool(stage.tracing_enabled))
        return _Arrival(trace.onward(request), api, document, stage, deployed, trace)

    def _serve(self, arrival: _Arrival, variables: dict[str, str]) -> Response:
        request = arrival.request
        matched = arrival.document.routes.match(request.method, request.path)
        if matched is None:
            raise RefusedError(response.MISSING_AUTHENTICATION_TOKEN)
        operation, path_parameters = matched
        variables["context.resourcePath"] = operation.resource_path
        caller = self._admit(arrival, operation)
        if caller is not None:
            variables["context.identity.apiKeyId"] = caller.key_id
        body = _read_body(request)
        _validate(request, operation, path_parameters, body)
        binary = bool(body) and proxy.is_binary(
            request.header("content-type"), arrival.document.binary_media_types
        )
        event = proxy.event(request, operation, arrival.deployed, caller, path_parameters, body, binary)
        payload = self._invoke(arrival, operation, event)
        return proxy.response(payload, request, arrival.document.binary_media_types)

    def _admit(self, arrival: _Arrival, operation: Operation) -> proxy.Caller | None:
        """Check the API key and take the request out of its limits and the stage's.

        Raises:
            RefusedError: no valid key, or too many requests.
        """
        caller = None
        if operation.api_key_required:
            caller = self._check_key(arrival)
        limit = _method_limit(arrival.stage, operation)
        name = (arrival.request.api_id, arrival.request.stage, operation.method, operation.resource_path)
        if not self._throttles.admits(name, limit):
            raise RefusedError(response.THROTTLED)
        return caller

    def _check_key(self, arrival: _Arrival) -> proxy.Caller:
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
                return proxy.Caller(key.id, key.value)
        raise RefusedError(response.INVALID_API_KEY)

    def _check_plan(self, plan_id: str, key_id: str, throttle: dict[str, Any], quota: dict[str, Any]) -> None:
        name = (plan_id, key_id)
        if throttle:
            limit = Limit(float(throttle["rateLimit"]), float(throttle["burstLimit"]))
            if not self._throttles.admits(name, limit):
                raise RefusedError(response.THROTTLED)
        if quota and not self._quotas.admits(name, quota, self._clock.now_datetime()):
            raise RefusedError(response.QUOTA_EXCEEDED)

    def _invoke(self, arrival: _Arrival, operation: Operation, event: dict[str, Any]) -> bytes:
        request, deployed = arrival.request, arrival.deployed
        source = (
            f"arn:aws:execute-api:{deployed.region}:{deployed.account_id}:{request.api_id}/{request.stage}"
            f"/{request.method}{request.path}"
        )
        try:
            function = find(operation.integration.function_arn)
            require_permission(function, "apigateway.amazonaws.com", source)
        except (UnknownFunctionException, PermissionError) as error:
            raise RefusedError(response.CONFIGURATION_ERROR) from error
        if function.reserved_concurrency == 0:
            raise RefusedError(response.CONFIGURATION_ERROR)
        future = invocations.invoke(function, json.dumps(event).encode(), trace=request.trace)
        try:
            outcome = future.result(operation.integration.timeout)
        except concurrent.futures.TimeoutError:
            # The function goes on; nobody waits for it any more.
            raise RefusedError(response.INTEGRATION_TIMEOUT) from None
        if outcome.failed:
            raise RefusedError(response.MALFORMED_ANSWER)
        return outcome.payload

    def _record(
        self, arrival: _Arrival, answer: Response, milliseconds: float, variables: dict[str, str]
    ) -> None:
        deployed = arrival.deployed
        dimensions = (("ApiName", deployed.api_name), ("Stage", arrival.request.stage))
        samples = [
            ("Count", 1.0, "Count"),
            ("4XXError", float(400 <= answer.status < 500), "Count"),
            ("5XXError", float(answer.status >= 500), "Count"),
            ("Latency", float(round(milliseconds)), "Milliseconds"),
        ]
        for name, value, unit in samples:
            for named in (dimensions, dimensions[:1]):
                self._metrics.add(
                    Metric(deployed.account_id, deployed.region, "AWS/ApiGateway", name, named, unit), value
                )
        _log_access(arrival, answer, round(milliseconds), variables)
        path = variables.get("context.resourcePath", "/")
        arrival.trace.end(
            deployed.account_id, deployed.region, deployed.api_name, arrival.request, path, answer.status
        )


def _validate(request: Request, operation: Operation, path_parameters: dict[str, str], body: bytes) -> None:
    headers = {name.lower(): values for name, values in request.headers.items()}
    missing = missing_parameters(operation, path_parameters, request.query, headers)
    if missing:
        raise RefusedError(response.invalid_parameters(missing))
    errors = body_errors(operation, request.header("content-type"), body)
    if errors:
        raise RefusedError(response.invalid_body(errors))


def _read_body(request: Request) -> bytes:
    if request.length is not None and request.length > _MAXIMUM_BODY:
        raise RefusedError(response.REQUEST_TOO_LARGE)
    body: bytes = request.body.read(_MAXIMUM_BODY + 1 if request.length is None else request.length)
    if len(body) > _MAXIMUM_BODY:
        raise RefusedError(response.REQUEST_TOO_LARGE)
    return body


def _method_limit(stage: Stage, operation: Operation) -> Limit:
    """The stage's limit for a method: its own setting, else the one of all methods, else the account's."""
    path = operation.resource_path.replace("/", "~1")
    for key in (f"{path}/{operation.method}", "*/*"):
        settings = stage.method_settings.get(key)
        if settings:
            return Limit(float(settings["throttlingRateLimit"]), float(settings["throttlingBurstLimit"]))
    return _ACCOUNT_LIMIT


def _variables(arrival: _Arrival) -> dict[str, str]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html."""
    request, deployed = arrival.request, arrival.deployed
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


def _log_access(arrival: _Arrival, answer: Response, milliseconds: int, variables: dict[str, str]) -> None:
    """Write the stage's access log, in the stage's own format."""
    settings = arrival.stage.access_log_settings or {}
    if not settings.get("destinationArn"):
        return
    arn = parse_arn(settings["destinationArn"])
    group = logs_backends[arn.account][arn.region].groups.get(arn.resource_id)
    if group is None:
        return
    known = {
        **variables,
        "context.status": str(answer.status),
        "context.responseLatency": str(milliseconds),
        "context.responseLength": str(len(answer.body)),
    }
    line = response.substitute(settings.get("format", ""), known, arrival.request, absent="-")
    stream = f"{arrival.request.api_id}-{arrival.request.stage}"
    if stream not in group.streams:
        group.create_log_stream(stream)
    group.put_log_events(stream, [{"timestamp": arrival.request.request_time_epoch, "message": line}])


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
