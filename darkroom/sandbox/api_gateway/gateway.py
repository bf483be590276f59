"""Serves the stages of REST APIs: firewall, caller, limits, validation, function, response, in that order."""

from __future__ import annotations

import concurrent.futures
import json
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.logs.models import logs_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox.api_gateway import proxy, response, tracing
from darkroom.sandbox.api_gateway.admission import Admission
from darkroom.sandbox.api_gateway.arrival import Arrival
from darkroom.sandbox.api_gateway.openapi import Operation
from darkroom.sandbox.api_gateway.registry import Registry
from darkroom.sandbox.api_gateway.request import Request, request_of
from darkroom.sandbox.api_gateway.response import RefusedError, Response
from darkroom.sandbox.api_gateway.validation import body_errors, missing_parameters
from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime import invocations
from darkroom.sandbox.lambda_runtime.function import require_permission
from darkroom.sandbox.lambda_runtime.lookup import find
from darkroom.sandbox.service_metrics import Metric, ServiceMetrics

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
_MAXIMUM_BODY = 10 * 1024 * 1024


class Gateway:
    """The WSGI application under ``/execute-api/``."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self._clock = context.clock
        self._registry = registry
        self._metrics = ServiceMetrics(context)
        self._admission = Admission(context, self._metrics)

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
        variables = arrival.variables()
        try:
            answer = self._serve(arrival, variables)
        except RefusedError as error:
            answer = response.gateway_response(error.refusal, arrival.document.responses, request, variables)
        self._record(arrival, answer, (time.monotonic() - start) * 1000, variables)
        return answer

    def _arrive(self, request: Request) -> Arrival | None:
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
        return Arrival(trace.onward(request), api, document, stage, deployed, trace)

    def _serve(self, arrival: Arrival, variables: dict[str, str]) -> Response:
        request = arrival.request
        self._admission.pass_firewall(arrival)
        matched = arrival.document.routes.match(request.method, request.path)
        if matched is None:
            raise RefusedError(response.MISSING_AUTHENTICATION_TOKEN)
        operation, path_parameters = matched
        variables["context.resourcePath"] = operation.resource_path
        body = _read_body(request)
        caller = self._admission.admit(arrival, operation, body)
        if caller is not None:
            variables.update(caller.variables)
        _validate(request, operation, path_parameters, body)
        binary = bool(body) and proxy.is_binary(
            request.header("content-type"), arrival.document.binary_media_types
        )
        event = proxy.event(request, operation, arrival.deployed, caller, path_parameters, body, binary)
        payload = self._invoke(arrival, operation, event)
        return proxy.response(payload, request, arrival.document.binary_media_types)

    def _invoke(self, arrival: Arrival, operation: Operation, event: dict[str, Any]) -> bytes:
        try:
            function = find(operation.integration.function_arn)
            require_permission(function, "apigateway.amazonaws.com", arrival.method_arn)
        except (UnknownFunctionException, AccessDeniedError) as error:
            raise RefusedError(response.CONFIGURATION_ERROR) from error
        if function.reserved_concurrency == 0:
            raise RefusedError(response.CONFIGURATION_ERROR)
        future = invocations.invoke(function, json.dumps(event).encode(), trace=arrival.request.trace)
        try:
            outcome = future.result(operation.integration.timeout)
        except concurrent.futures.TimeoutError:
            # The function goes on; nobody waits for it any more.
            raise RefusedError(response.INTEGRATION_TIMEOUT) from None
        if outcome.failed:
            raise RefusedError(response.MALFORMED_ANSWER)
        return outcome.payload

    def _record(
        self, arrival: Arrival, answer: Response, milliseconds: float, variables: dict[str, str]
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


def _log_access(arrival: Arrival, answer: Response, milliseconds: int, variables: dict[str, str]) -> None:
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
