"""API Gateway's segment in a request's trace.

X-Ray developer guide, "API Gateway active tracing support for AWS X-Ray": the stage is the segment, its call
of the integration a subsegment, which is the parent of what the integration tells.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from darkroom.sandbox import xray
from darkroom.sandbox.api_gateway.request import Request
from darkroom.sandbox.xray import new_id


@dataclass(frozen=True)
class StageTrace:
    """A request's place in its trace, at a stage that traces or only passes the header on."""

    trace: xray.Trace
    is_active: bool
    segment: str = field(default_factory=new_id)
    call: str = field(default_factory=new_id)
    began: float = field(default_factory=time.time)

    def onward(self, request: Request) -> Request:
        """``request`` as the integration gets it."""
        onward = self.trace.under(self.call) if self.is_active else self.trace
        return replace(request, trace=onward.header)

    def end(self, account_id: str, region: str, api: str, request: Request, path: str, status: int) -> None:
        """Tell X-Ray of the request, by its resource's path: an address may hold what nobody is to read."""
        if not self.is_active:
            return
        ended = time.time()
        http = {"request": {"method": request.method, "url": path}, "response": {"status": status}}
        flags = {"fault": status >= 500, "error": 400 <= status < 500, "throttle": status == 429}
        told = {name: True for name, is_set in flags.items() if is_set}
        call = {"id": self.call, "name": "Lambda", "start_time": self.began, "end_time": ended}
        segment = {
            "id": self.segment,
            "name": f"{api}/{request.stage}",
            "origin": "AWS::ApiGateway::Stage",
            "start_time": self.began,
            "end_time": ended,
            "http": http,
            "aws": {"api_gateway": {"request_id": request.request_id, "stage": request.stage}},
            **told,
            "subsegments": [{**call, "namespace": "aws"}],
        }
        xray.put(account_id, region, self.trace, segment)


def begin(request: Request, *, is_active: bool) -> StageTrace:
    """Go on with the trace that ``request`` names, or begin one."""
    return StageTrace(xray.arrive(request.trace, active=is_active), is_active)
