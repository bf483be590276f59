"""``/_darkroom/endpoints``: what the sandbox's endpoints do, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from darkroom.sandbox.sagemaker.endpoint import Endpoint


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """One endpoint, as docs/architecture.md promises it."""
    drawn = endpoint.drawn
    return {
        "name": endpoint.name,
        "instances": [
            {"id": one.id, "status": one.status.value, "workers": one.workers.pids}
            for one in endpoint.instances
        ],
        "backlog": endpoint.backlog.size,
        "history": endpoint.history,
        "inferences": sum(drawn.values()),
        "by_inference_id": drawn,
    }


def respond(endpoints: Iterable[Endpoint], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer GET with all endpoints; a WSGI application once ``endpoints`` is bound."""
    if environ["REQUEST_METHOD"] != "GET":
        start_response("405 Method Not Allowed", [("Allow", "GET"), ("Content-Length", "0")])
        return [b""]
    body = json.dumps([describe(endpoint) for endpoint in endpoints]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
