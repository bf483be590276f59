"""X-Ray's traces: segments as they come, put together when they are asked for."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.exceptions import AWSError

_MOST_TRACES = 20_000
# What GetTraceSummaries filters by here; the whole language is in "Using filter expressions".
_CONDITION = re.compile(r'annotation(?:\.(\w+)|\[(\w+)\])\s*=\s*"([^"]*)"')
_BOTH = re.compile(r"\s+AND\s+", re.IGNORECASE)


@dataclass(frozen=True)
class _Part:
    """A segment or subsegment as BatchGetTraces answers it."""

    id: str
    raw: str


class TraceStore:
    """Stands in for moto's SegmentCollection, which keeps subsegments apart and knows no annotations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, dict[str, dict[str, Any]]] = OrderedDict()

    def put_segment(self, segment: Any) -> None:
        """Take in moto's segment; one that comes again takes its own place."""
        document = json.loads(segment.raw)
        with self._lock:
            self._traces.setdefault(document["trace_id"], {})[document["id"]] = document
            while len(self._traces) > _MOST_TRACES:
                self._traces.popitem(last=False)

    def summary(
        self, start_time: datetime, end_time: datetime, filter_expression: str | None = None
    ) -> dict[str, Any]:
        """GetTraceSummaries: the traces that began in the time asked about and fit the filter.

        Raises:
            AWSError: a filter that is not played.
        """
        wanted = _conditions(filter_expression)
        first, last = start_time.timestamp(), end_time.timestamp()
        summaries = []
        for trace_id, parts in self._snapshot().items():
            began = min(part["start_time"] for part in parts)
            annotations = _annotations(parts)
            if first <= began <= last and all(value in annotations.get(key, []) for key, value in wanted):
                summaries.append(_summary(trace_id, parts, annotations))
        return {"TracesProcessedCount": len(summaries), "TraceSummaries": summaries}

    def get_trace_ids(self, trace_ids: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
        """BatchGetTraces: the traces, subsegments in the segments that they are part of; and the unknown."""
        known = self._snapshot()
        return [_trace(one, known[one]) for one in trace_ids if one in known], [
            one for one in trace_ids if one not in known
        ]

    def _snapshot(self) -> dict[str, list[dict[str, Any]]]:
        with self._lock:
            return {trace_id: list(parts.values()) for trace_id, parts in self._traces.items()}


def _trace(trace_id: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    began, ended = _span(parts)
    segments = sorted(_assembled(parts), key=lambda part: float(part["start_time"]))
    return {
        "trace_id": trace_id,
        "start_date": datetime.fromtimestamp(began),  # noqa: DTZ006 - moto subtracts the two
        "end_date": datetime.fromtimestamp(ended),  # noqa: DTZ006
        "segments": [_Part(part["id"], json.dumps(part)) for part in segments],
    }


def _assembled(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Segments with their subsegments in them; a subsegment whose parent never came stands by itself."""
    copies = {part["id"]: {**part, "subsegments": [*part.get("subsegments", [])]} for part in parts}
    holders = {nested["id"]: nested for part in copies.values() for nested in part["subsegments"]} | copies
    tops = []
    for part in copies.values():
        parent = holders.get(part.get("parent_id", ""))
        if part.get("type") == "subsegment" and parent is not None:
            parent.setdefault("subsegments", []).append(part)
        else:
            tops.append(part)
    return tops


def _summary(trace_id: str, parts: list[dict[str, Any]], annotations: dict[str, list[Any]]) -> dict[str, Any]:
    began, ended = _span(parts)
    http: dict[str, Any] = next(
        (part["http"] for part in parts if part.get("origin") == "AWS::ApiGateway::Stage"), {}
    )
    return {
        "Id": trace_id,
        "StartTime": began,
        "Duration": round(ended - began, 3),
        "ResponseTime": round(parts[0].get("end_time", ended) - began, 3),
        "HasFault": any(part.get("fault") for part in parts),
        "HasError": any(part.get("error") for part in parts),
        "HasThrottle": any(part.get("throttle") for part in parts),
        "Http": _http(http),
        "Annotations": {
            key: [{"AnnotationValue": _typed(value)} for value in values]
            for key, values in annotations.items()
        },
        "IsPartial": False,
    }


def _http(http: dict[str, Any]) -> dict[str, Any]:
    request, response = http.get("request", {}), http.get("response", {})
    named = {"HttpMethod": request.get("method"), "HttpURL": request.get("url")}
    return {name: value for name, value in {**named, "HttpStatus": response.get("status")}.items() if value}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"NumberValue": value} if isinstance(value, int | float) else {"StringValue": str(value)}


def _annotations(parts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in parts:
        for key, value in part.get("annotations", {}).items():
            if value not in found.setdefault(key, []):
                found[key].append(value)
    return found


def _span(parts: list[dict[str, Any]]) -> tuple[float, float]:
    began = min(part["start_time"] for part in parts)
    return began, max(part.get("end_time", began) for part in parts)


def _conditions(expression: str | None) -> list[tuple[str, str]]:
    found = []
    for condition in _BOTH.split(expression.strip()) if expression else []:
        match = _CONDITION.fullmatch(condition)
        if match is None:
            raise AWSError(
                f'the local AWS does not play the filter {condition!r}; it does annotation[KEY] = "VALUE", '
                "joined with AND",
                exception_type="InvalidRequestException",
                status=400,
            )
        found.append((match[1] or match[2], match[3]))
    return found
