"""A function's configuration as one value: environments are replaced when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom.sandbox.network import Attachment

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function


@dataclass(frozen=True)
class FunctionConfiguration:
    """Everything an execution environment is made from.

    Attributes:
        timeout: seconds of wall time an invocation may take.
        memory_size: MB; told to the function, not enforced on this machine.
        code_digest: SHA-256 of the code's zip.
        layers: ARNs of the layer versions, in the order of the configuration.
        log_format: ``Text`` or ``JSON``.
        network: where it is attached to a VPC, if it is.
    """

    account_id: str
    region: str
    name: str
    arn: str
    version: str
    handler: str
    runtime: str
    role: str
    timeout: int
    memory_size: int
    environment: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]
    code_digest: str
    log_group: str
    log_format: str
    log_level: str
    network: Attachment | None

    @classmethod
    def of(cls, function: Function) -> FunctionConfiguration:
        """The configuration that ``function`` has now."""
        return cls(
            account_id=function.account_id,
            region=function.region,
            name=function.function_name,
            arn=function.function_arn,
            version=str(function.version),
            handler=str(function.handler),
            runtime=str(function.run_time),
            role=function.role,
            timeout=int(function.timeout),
            memory_size=int(function.memory_size),
            environment=tuple(sorted((key, str(value)) for key, value in function.environment_vars.items())),
            layers=tuple(layer["Arn"] for layer in function.layers),
            code_digest=function.code_digest,
            log_group=function.log_group,
            log_format=function.logging_config.get("LogFormat", "Text"),
            log_level=function.logging_config.get("ApplicationLogLevel", "INFO"),
            network=function.network,
        )
