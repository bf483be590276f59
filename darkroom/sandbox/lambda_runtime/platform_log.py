"""The lines that Lambda itself writes to a function's log, in the function's log format.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
import math
import time
from typing import Any, Literal

from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration
from darkroom.sandbox.moments import timestamp_of

Status = Literal["success", "error", "failure", "timeout"]
"""How an invocation ended; an error is the handler's own, a failure that of its process."""


def start_line(function: FunctionConfiguration, request_id: str) -> str:
    """Before an invocation."""
    if function.log_format == "JSON":
        return _event("platform.start", {"requestId": request_id, "version": function.version})
    return f"START RequestId: {request_id} Version: {function.version}"


def report_lines(
    function: FunctionConfiguration,
    request_id: str,
    seconds: float,
    status: Status,
    error_type: str | None = None,
) -> list[str]:
    """After an invocation. Memory isn't measured, so nothing is said of what was used."""
    milliseconds = seconds * 1000
    billed = math.ceil(milliseconds)
    if function.log_format == "JSON":
        metrics = {
            "durationMs": round(milliseconds, 3),
            "billedDurationMs": billed,
            "memorySizeMB": function.memory_size,
        }
        record = {"requestId": request_id, "metrics": metrics, "status": status}
        return [_event("platform.report", record | ({} if error_type is None else {"errorType": error_type}))]
    return [
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {function.memory_size} MB",
    ]


def _event(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": timestamp_of(time.time()), "type": kind, "record": record})
