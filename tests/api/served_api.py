"""The whole API in this process: the sandbox's edge on a port, and the function behind it on moto."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_api import front
from moto.apigateway.models import apigateway_backends

from darkroom.sandbox.api_gateway.arrival import Arrival
from darkroom.sandbox.api_gateway.gateway import Gateway
from darkroom.sandbox.api_gateway.openapi import Operation, read_document
from darkroom.sandbox.api_gateway.registry import Registry
from darkroom.sandbox.api_gateway.request import MOUNT
from darkroom.sandbox.context import Context, Settings
from darkroom.sandbox.http_server import SandboxHttpServer
from stacks.openapi import openapi_document
from tests.lambda_functions.local_campaign import RULES, LambdaContext

ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:front"
DOCUMENT = openapi_document(
    title="demo",
    rules=RULES,
    integration_uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}/invocations",
)


@dataclass(frozen=True)
class Sent:
    """A request as bytes, and whether it goes past the edge's validation, straight to the function."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    direct: bool = False

    def __repr__(self) -> str:
        shown = self.body if len(self.body) <= 300 else self.body[:300] + b"..."
        how = "to the function" if self.direct else "to the edge"
        return f"{self.method} {self.path} {self.headers} {shown!r} ({len(self.body)} bytes, {how})"


@dataclass(frozen=True)
class Answered:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _Gateway(Gateway):
    """The sandbox's gateway, with the function called in this process."""

    def _invoke(self, _arrival: Arrival, _operation: Operation, event: dict[str, Any]) -> bytes:
        # Over JSON, as on the way to Lambda and back.
        return json.dumps(front.handler(json.loads(json.dumps(event)), LambdaContext())).encode()


class ServedApi:
    """An API with a key, listening."""

    def __init__(self, server: SandboxHttpServer, api_id: str, key: str) -> None:
        self._port = server.server_port
        self._base = f"{MOUNT}{api_id}/live"
        self.key = key

    def send(self, sent: Sent) -> Answered:
        """One request on a connection of its own, exactly as it is written."""
        connection = http.client.HTTPConnection("localhost", self._port, timeout=60)
        try:
            connection.putrequest(sent.method, self._base + sent.path, skip_accept_encoding=True)
            for name, value in sent.headers.items():
                connection.putheader(name, value.encode("latin-1"))
            if not {"content-length", "transfer-encoding"} & {name.lower() for name in sent.headers}:
                connection.putheader("Content-Length", str(len(sent.body)))
            connection.endheaders(sent.body)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, headers, answer.read())
        finally:
            connection.close()

    @staticmethod
    def call_function(sent: Sent, resource: str, parameters: Mapping[str, str] | None) -> Answered:
        """The function's own answer, for a request that no edge has looked at."""
        text = sent.body.decode("utf-8", "replace")
        event = {
            "httpMethod": sent.method,
            "resource": resource,
            "headers": dict(sent.headers) or None,
            "pathParameters": parameters,
            "body": text or None,
            "isBase64Encoded": False,
        }
        made = front.handler(event, LambdaContext())
        headers = {name.lower(): value for name, value in made["headers"].items()}
        return Answered(made["statusCode"], headers, made["body"].encode())


@contextmanager
def served(state: Path) -> Iterator[ServedApi]:
    """Serve the API inside the block; moto must be active."""
    context = Context(Settings(port=0, state=state))
    registry = Registry()
    gateway = _Gateway(context, registry)
    backend = apigateway_backends[ACCOUNT][REGION]
    api = backend.create_rest_api(
        "demo",
        "",
        api_key_source=None,
        endpoint_configuration=None,
        tags=None,
        policy=None,
        minimum_compression_size=None,
        disable_execute_api_endpoint=None,
    )
    registry.put(api.id, ACCOUNT, REGION, read_document(DOCUMENT))
    registry.deploy(api.id, "deployed")
    api.stages["live"] = _stage()
    key = backend.create_api_key({"name": "demo", "enabled": True})
    plan = backend.create_usage_plan({"name": "demo"})
    plan.api_stages = [{"apiId": api.id, "stage": "live"}]
    backend.create_usage_plan_key(plan.id, {"keyId": key.id, "keyType": "API_KEY"})

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return gateway(environ, start_response)

    server = SandboxHttpServer(0, app)
    server.start()
    try:
        yield ServedApi(server, api.id, str(key.value))
    finally:
        server.shutdown()
        server.server_close()


def _stage() -> Any:
    from moto.apigateway.models import Stage

    return Stage(name="live", deployment_id="deployed")


__all__ = ["DOCUMENT", "Answered", "Sent", "ServedApi", "served"]
