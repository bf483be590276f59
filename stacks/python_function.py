"""A construct: one Lambda function with its own role and its own log group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.network import Attachment
from stacks.network_policies import attaching_function
from stacks.permissions import allow

RUNTIME = lambda_.Runtime.PYTHON_3_14


class PythonFunction(Construct):
    """A function on arm64 that may do what its statements say, write to its log group, and be traced.

    With a ``network`` it is attached to that; its log is encrypted with ``key``, whose policy lets CloudWatch
    Logs do so for the groups below ``/darkroom/CAMPAIGN/``.

    The log group belongs to the stack and the role can't create one, so nothing is left behind when a
    last invocation logs after the stack is gone. No concurrency is reserved: a new account may have ten
    executions in all, of which Lambda lets none be reserved (Lambda developer guide, "Configuring reserved
    concurrency"), and each function is safe beside itself.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: str,
        handler: str,
        code: lambda_.Code,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        timeout: cdk.Duration,
        memory_size: int,
        key: kms.IKey,
        network: Attachment | None,
        layers: Sequence[lambda_.ILayerVersion] = (),
        dead_letters: sqs.IQueue | None = None,
    ) -> None:
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/darkroom/{campaign}/{handler.removesuffix('.handler')}",
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        writing = allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        attaching = [] if network is None else [attaching_function()]
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Own": iam.PolicyDocument(statements=[writing, *statements, *attaching])},
        )
        self.function = lambda_.Function(
            self,
            "Function",
            code=code,
            handler=handler,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            environment=environment,
            role=self.role,
            log_group=log_group,
            # Lambda's own lines and the runtime's, too: each is found by the id of its request.
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            layers=list(layers),
            timeout=timeout,
            memory_size=memory_size,
            tracing=lambda_.Tracing.ACTIVE,
            dead_letter_queue=dead_letters,
        )
        resource = self.function.node.default_child
        if network is not None and isinstance(resource, lambda_.CfnFunction):
            resource.vpc_config = network.of_function()
