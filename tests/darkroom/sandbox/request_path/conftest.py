"""A local AWS of moto and the request path's rooms, on a port of its own."""

from __future__ import annotations

import io
import json
import textwrap
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from darkroom.sandbox import api_gateway, context, eventbridge, lambda_runtime, sns, xray
from darkroom.sandbox.cloudformation.handler import HANDLERS, HandlerRequest, Resource
from darkroom.sandbox.context import Context, Settings

REGION = "us-west-2"
ACCOUNT = "123456789012"


@dataclass
class Aws:
    """The local AWS as a test uses it."""

    context: Context
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client that calls the local AWS."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self.context.settings.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=botocore.config.Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
            )
        return self.clients[service]

    def function(self, name: str, source: str, **configuration: Any) -> str:
        """Make a function of the module ``index`` with ``source``; give its ARN."""
        created = self.client("lambda").create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": self.role(),
                "Code": {"ZipFile": package({"index.py": source})},
                "Timeout": 10,
                **configuration,
            }
        )
        return str(created["FunctionArn"])

    def role(self) -> str:
        """The ARN of a role that Lambda may assume."""
        iam = self.client("iam")
        try:
            return str(iam.get_role(RoleName="function")["Role"]["Arn"])
        except iam.exceptions.NoSuchEntityException:
            trust = {"Version": "2012-10-17", "Statement": []}
            made = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))
            return str(made["Role"]["Arn"])

    def invoke(self, name: str, event: Any = None, **more: Any) -> tuple[Any, dict[str, Any]]:
        """Call a function; its answer, and the whole response."""
        response = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
        payload = response["Payload"].read()
        return (json.loads(payload) if payload else None), response

    def queue(self, name: str, *, lets: str = "") -> tuple[str, str]:
        """Make an SQS queue, whose policy ``lets`` a service send to it; its URL and ARN."""
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        principal = {"Service": lets}
        sending = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": arn}
        policy = {"Policy": json.dumps({"Statement": [sending]})} if lets else {}
        return self.client("sqs").create_queue(QueueName=name, Attributes=policy)["QueueUrl"], arn

    def receive(self, url: str) -> list[dict[str, Any]]:
        """The messages of a queue, with their attributes."""
        answer = self.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def log(self, group: str) -> list[str]:
        """Every line of a log group; none when there is no such group yet."""
        logs = self.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def create(self, type_name: str, properties: Mapping[str, Any], logical_id: str = "Thing") -> Resource:
        """Make a resource through its CloudFormation handler."""
        return HANDLERS[type_name].create(self._request(type_name, properties, logical_id))

    def update(
        self, type_name: str, made: Resource, before: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> Resource:
        """Update a resource through its CloudFormation handler."""
        return HANDLERS[type_name].update(self._request(type_name, properties, "Thing", made, before))

    def delete(self, type_name: str, made: Resource, properties: Mapping[str, Any]) -> None:
        """Delete a resource through its CloudFormation handler."""
        HANDLERS[type_name].delete(self._request(type_name, properties, "Thing", made, properties))

    def _request(
        self,
        type_name: str,
        properties: Mapping[str, Any],
        logical_id: str,
        previous: Resource | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> HandlerRequest:
        return HandlerRequest(
            type_name=type_name,
            logical_id=logical_id,
            properties=properties,
            account_id=ACCOUNT,
            region=REGION,
            stack_id=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/test/1",
            stack_name="test",
            previous=previous,
            previous_properties=before or {},
            endpoint_url=self.context.settings.url,
        )


def package(files: Mapping[str, str]) -> bytes:
    """A zip of ``files``."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, text in files.items():
            content.writestr(name, textwrap.dedent(text))
    return archive.getvalue()


class _Application:
    """The rooms' mounts, and moto for the rest."""

    def __init__(self) -> None:
        self.mounts: dict[str, Any] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for prefix, app in self.mounts.items():
            if environ["PATH_INFO"].startswith(prefix):
                return app(environ, start_response)  # type: ignore[no-any-return]
        return self._moto(environ, start_response)  # type: ignore[no-any-return]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    application = _Application()
    server = make_server("localhost", 0, application, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    running = Context(Settings(port=server.server_port, state=tmp_path / "state", lambda_environments=3))
    context.install(running)
    application.mounts = running.mounts
    for room in (xray, lambda_runtime, sns, eventbridge, api_gateway):
        room.install(running)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    ticker = threading.Thread(target=running.run_ticks, daemon=True)
    ticker.start()
    yield Aws(running)
    running.stopping.set()
    for stop in running.on_stop:
        stop()
    running.processes.kill_all()
    server.shutdown()
    server.server_close()
    ticker.join(5)
    BackendDict.reset()
