"""Tracing: what a function does is told to X-Ray, in its own trace and in that of the request it works for.

By OpenTelemetry: AWS's X-Ray SDK, and Powertools' Tracer with it, is in maintenance since February 2026
(X-Ray developer guide, "X-Ray SDK and daemon support timeline").

A request's trace ends where SageMaker takes it, for its queue and its notifications carry no header. So the
job's row keeps the request's place in its trace, and whoever moves the job on later adds to that trace.

Nothing here raises, and nothing is told of a request but the ids of its job and attempt.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from image_api.trace_context import TraceContext, parse, root_of
from image_api.xray import XRayExporter

# It complains of spans and values, and the log is no place for either.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)

_SPAN = "image_api.span"
Annotation = str | int | float


@dataclass(frozen=True)
class _Function:
    name: str
    began: float


_function: ContextVar[_Function | None] = ContextVar("function", default=None)


@contextmanager
def function_span(name: str) -> Iterator[None]:
    """The span of one invocation, under the one that Lambda says in _X_AMZN_TRACE_ID."""
    here = parse(os.environ.get("_X_AMZN_TRACE_ID"))
    token = _function.set(_Function(name, time.time()))
    try:
        with _span(name, here):
            yield
    finally:
        _function.reset(token)


def annotate(**annotations: Annotation) -> None:
    """Say something of what is being done: what X-Ray is to find it by."""
    with suppress(Exception):
        trace.get_current_span().set_attributes(annotations)


def here() -> str | None:
    """This place in the trace as a header, for the job's row; None outside of any trace."""
    with suppress(Exception):
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            sampled = context.trace_flags.sampled
            return TraceContext(root_of(context.trace_id), f"{context.span_id:016x}", sampled).header
    return None


def root(header: str | None) -> str | None:
    """The id of the trace that ``header`` names."""
    context = parse(header)
    return None if context is None else context.root


def add_to(header: str | None, name: str, began: float, ended: float, **annotations: Annotation) -> None:
    """Add a span to the trace of ``header``, the one that a job's row keeps.

    It is linked with the span that is open here, and that one with it.

    Args:
        began, ended: seconds since the epoch.
    """
    with suppress(Exception):
        there = parse(header)
        if there is None:
            return
        current = trace.get_current_span()
        own = current.get_span_context()
        is_elsewhere = own.is_valid and own.trace_id != there.trace_id
        span = _tracer().start_span(
            name,
            _under(there),
            attributes=annotations,
            start_time=int(began * 1e9),
            links=[Link(own)] if is_elsewhere else [],
        )
        span.end(int(max(began, ended) * 1e9))
        if is_elsewhere:
            current.add_link(_span_context(there))


def add_function_to(header: str | None, ended: float, **annotations: Annotation) -> None:
    """Add this invocation, up to ``ended``, to the trace that a job's row keeps."""
    function = _function.get()
    current = parse(here())
    if function is None or (current is not None and current.root == root(header)):
        return  # it is there already
    add_to(header, function.name, min(function.began, ended), ended, **annotations)


def began() -> float | None:
    """When this invocation began, in seconds since the epoch."""
    function = _function.get()
    return None if function is None else function.began


def trace_calls(client: Any) -> Any:
    """Have each call of an AWS client be a span; gives the client back."""
    events, region = client.meta.events, client.meta.region_name
    events.register("before-call", lambda model, context, **_: _begin_call(model, context, region))
    events.register(
        "after-call", lambda http_response, parsed, context, **_: _end_call(http_response, parsed, context)
    )
    events.register("after-call-error", lambda exception, context, **_: _fail_call(exception, context))
    return client


def _begin_call(model: Any, context: dict[str, Any], region: str) -> None:
    with suppress(Exception):
        if trace.get_current_span().is_recording():
            context[_SPAN] = _tracer().start_span(
                str(model.service_model.service_id),
                kind=SpanKind.CLIENT,
                attributes={"rpc.method": model.name, "cloud.region": region},
            )


def _end_call(http_response: Any, parsed: Any, context: dict[str, Any]) -> None:
    with suppress(Exception):
        span: Span | None = context.pop(_SPAN, None)
        if span is None:
            return
        span.set_attribute("http.response.status_code", http_response.status_code)
        if request_id := parsed.get("ResponseMetadata", {}).get("RequestId"):
            span.set_attribute("aws.request_id", request_id)
        if http_response.status_code >= 500:
            _fail(span, str(parsed.get("Error", {}).get("Code", "error")))
        span.end()


def _fail_call(exception: BaseException, context: dict[str, Any]) -> None:
    with suppress(Exception):
        span: Span | None = context.pop(_SPAN, None)
        if span is not None:
            _fail(span, type(exception).__qualname__)
            span.end()


@contextmanager
def _span(name: str, parent: TraceContext | None) -> Iterator[None]:
    span: Span | None = None
    with suppress(Exception):
        span = _tracer().start_span(name, Context() if parent is None else _under(parent))
    if span is None:
        yield
        return
    with trace.use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except BaseException as error:
            _fail(span, type(error).__qualname__)
            raise
        finally:
            with suppress(Exception):
                span.end()


def _fail(span: Span, kind: str) -> None:
    with suppress(Exception):
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))


def _under(context: TraceContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(_span_context(context)), Context())


def _span_context(context: TraceContext) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(context.trace_id, int(context.parent, 16), is_remote=True, trace_flags=flags)


@cache
def _tracer() -> trace.Tracer:
    """No trace of our own making: what nobody began upstream, or is not sampled there, is not recorded."""
    provider = TracerProvider(
        sampler=ParentBased(ALWAYS_OFF), resource=Resource.get_empty(), shutdown_on_exit=False
    )
    address = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if address:
        with suppress(Exception):
            provider.add_span_processor(SimpleSpanProcessor(XRayExporter(address)))
    return provider.get_tracer("image_api")
