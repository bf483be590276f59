"""moto's Lambda function, run by the sandbox."""

from __future__ import annotations

import base64
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction

from darkroom.sandbox.iam import Need, require_of_service
from darkroom.sandbox.lambda_runtime import invocations, network_interfaces
from darkroom.sandbox.network import Attachment


class Function(LambdaFunction):
    """A function whose handler runs under AWS's runtime client in a process of this machine.

    It stands in for moto's class, so whoever invokes a function through moto comes here. Only Python
    runtimes can be run, all of them by the Python that runs the sandbox.
    """

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        if not str(spec.get("Runtime", "")).startswith("python"):
            raise InvalidParameterValueException(
                f"function {spec.get('FunctionName')} has runtime {spec.get('Runtime')} and package type "
                f"{spec.get('PackageType', 'Zip')}: the sandbox runs zip packages for Python only"
            )
        self.dead_letter_config: dict[str, str] = spec.get("DeadLetterConfig") or {}
        self.logging_config: dict[str, str] = spec.get("LoggingConfig") or {}
        super().__init__(account_id, spec, region, version)

    @property
    def log_group(self) -> str:
        """The log group that the function writes to."""
        return self.logging_config.get("LogGroup") or f"/aws/lambda/{self.function_name}"

    @property
    def network(self) -> Attachment | None:
        """Where it is attached to a VPC."""
        return Attachment.of(self.account_id, self.region, self._vpc_config)

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """The function's configuration as GetFunctionConfiguration answers it."""
        configuration = super().get_configuration(on_create)
        configuration["LoggingConfig"] = {
            "LogFormat": "Text",
            **self.logging_config,
            "LogGroup": self.log_group,
        }
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        return configuration

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Change what is named; the next invocation gets a new environment."""
        if "VpcConfig" in config_updates:
            before, self._vpc_config = self.network, config_updates["VpcConfig"]
            network_interfaces.move(self, before)
        for key, value in config_updates.items():
            if key == "DeadLetterConfig":
                self.dead_letter_config = value
            elif key == "LoggingConfig":
                self.logging_config = value
            elif key == "TracingConfig":
                self.tracing_config = value
            elif key == "Architectures":
                self.architectures = value
            elif key == "EphemeralStorage":
                self.ephemeral_storage = value["Size"]
        return super().update_configuration(config_updates)

    def invoke(self, body: str, request_headers: Any, response_headers: Any) -> str | bytes:
        """Answer an Invoke call; ``request_headers`` choose the invocation type as on AWS."""
        headers = {key.lower(): value for key, value in dict(request_headers).items()}
        event = body.encode() if isinstance(body, str) else body or b""
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return b""
        if kind == "Event":
            invocations.send_event(self, event or b"{}")
            return b""
        outcome = invocations.invoke(
            self,
            event or b"{}",
            client_context=headers.get("x-amz-client-context"),
            trace=headers.get("x-amzn-trace-id"),
        ).result()
        response_headers["x-amz-executed-version"] = str(self.version)
        response_headers["x-amz-log-result"] = base64.b64encode(outcome.tail).decode()
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return outcome.payload


def require_permission(function: LambdaFunction, service: str, source_arn: str) -> None:
    """Check that ``service`` may invoke ``function`` for ``source_arn``.

    Raises:
        AccessDeniedError: no statement of the function's policy allows it.
    """
    needed = [Need("lambda:InvokeFunction", function.function_arn)]
    require_of_service(service, needed, source=source_arn, account=function.account_id)
