"""What exists in the sandbox, asked of the services themselves and not of the stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.apigateway.models import apigateway_backends
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.awslambda.models import lambda_backends
from moto.budgets.models import budgets_backends
from moto.cloudformation.models import cloudformation_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.cognitoidp.models import cognitoidp_backends
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.wafv2.models import wafv2_backends

_BOOTSTRAP_STACK = "CDKToolkit"


# A service's resources: (CloudFormation type, identifier) each. An identifier is a name, an ARN or a
# URL, whichever the service has at hand.
Found = Iterator[tuple[str, str]]


def resources() -> list[dict[str, str | None]]:
    """Everything that exists: its CloudFormation type, identifier and stack.

    Left out are what ``cdk bootstrap`` made and what AWS itself has in every account: its managed
    policies and parameters, the default event bus, keys that wait for their deletion.
    """
    owners = _owners()
    found = [
        {"type": type_name, "id": identifier, "stack": owners.get((type_name, _name(identifier)))}
        for list_service in _SERVICES
        for type_name, identifier in list_service()
    ]
    return sorted(
        (entry for entry in found if entry["stack"] != _BOOTSTRAP_STACK),
        key=lambda entry: (str(entry["type"]), str(entry["id"])),
    )


def _owners() -> dict[tuple[str, str], str]:
    """The name of the stack that has each resource."""
    return {
        (resource.template.type_name, _name(resource.resource.physical_id)): stack.name
        for backend in _backends(cloudformation_backends)
        for stack in backend.existing()
        for resource in list(stack.resources.values())
    }


def _name(identifier: str) -> str:
    """The name at the end of an ARN or URL, so that a URL and an ARN of one thing compare equal."""
    if identifier.startswith("arn:"):
        return identifier.split(":", 5)[5].split("/", 1)[-1].removeprefix("function:")
    return identifier.rsplit("/", 1)[-1] if identifier.startswith("http") else identifier


def _backends(service: Any) -> list[Any]:
    return [backend for _, _, backend in list(service.iter_backends())]


def _storage() -> Found:
    for s3 in _backends(s3_backends):
        yield from (("AWS::S3::Bucket", name) for name in list(s3.buckets))
    for dynamodb in _backends(dynamodb_backends):
        yield from (("AWS::DynamoDB::Table", name) for name in list(dynamodb.tables))
    for ecr in _backends(ecr_backends):
        yield from (("AWS::ECR::Repository", name) for name in list(ecr.repositories))
    for kms in _backends(kms_backends):
        for key in list(kms.keys.values()):
            if key.key_state != "PendingDeletion" and key.key_manager == "CUSTOMER":
                yield "AWS::KMS::Key", key.id
                yield from (("AWS::KMS::Alias", alias) for alias in list(key.aliases))


def _access() -> Found:
    for iam in _backends(iam_backends):
        for role in list(iam.roles.values()):
            yield "AWS::IAM::Role", role.name
        yield from (("AWS::IAM::User", name) for name in list(iam.users))
        for arn in list(iam.managed_policies):
            if ":iam::aws:" not in arn:
                yield "AWS::IAM::ManagedPolicy", arn
    for ssm in _backends(ssm_backends):
        yield from (
            ("AWS::SSM::Parameter", name) for name in list(ssm._parameters) if not name.startswith("/aws/")
        )


def _messaging() -> Found:
    for sns in _backends(sns_backends):
        yield from (("AWS::SNS::Topic", arn) for arn in list(sns.topics))
        yield from (("AWS::SNS::Subscription", arn) for arn in list(sns.subscriptions))
    for sqs in _backends(sqs_backends):
        yield from (("AWS::SQS::Queue", name) for name in list(sqs.queues))
    for events in _backends(events_backends):
        for bus in list(events.event_buses.values()):
            yield from (("AWS::Events::Rule", name) for name in list(bus.rules))
            if bus.name != "default":
                yield "AWS::Events::EventBus", bus.name


def _functions() -> Found:
    for functions in _backends(lambda_backends):
        yield from (("AWS::Lambda::Function", name) for name in list(functions._lambdas._functions))
        for layer in functions.list_layers():
            yield "AWS::Lambda::LayerVersion", layer["LatestMatchingVersion"]["LayerVersionArn"]
        yield from (
            ("AWS::Lambda::EventSourceMapping", one) for one in list(functions._event_source_mappings)
        )
    for gateway in _backends(apigateway_backends):
        yield from (("AWS::ApiGateway::RestApi", api) for api in list(gateway.apis))
        yield from (("AWS::ApiGateway::ApiKey", key) for key in list(gateway.keys))
        yield from (("AWS::ApiGateway::UsagePlan", plan) for plan in list(gateway.usage_plans))


def _edge() -> Found:
    for wafv2 in _backends(wafv2_backends):
        for acl in list(wafv2.wacls.values()):
            yield "AWS::WAFv2::WebACL", f"{acl.name}|{acl.id}|REGIONAL"
        yield from (("AWS::WAFv2::LoggingConfiguration", arn) for arn in list(wafv2.logging_configurations))
    for cognito in _backends(cognitoidp_backends):
        yield from (("AWS::Cognito::UserPool", pool) for pool in list(cognito.user_pools))


def _observation() -> Found:
    for logs in _backends(logs_backends):
        yield from (("AWS::Logs::LogGroup", name) for name in list(logs.groups))
    for cloudwatch in _backends(cloudwatch_backends):
        for alarm in list(cloudwatch.alarms.values()):
            kind = "Alarm" if alarm.rule is None else "CompositeAlarm"
            yield f"AWS::CloudWatch::{kind}", alarm.name
        yield from (("AWS::CloudWatch::Dashboard", name) for name in list(cloudwatch.dashboards))


def _spending() -> Found:
    for service in _backends(budgets_backends):
        for budgets in list(service.budgets.values()):
            yield from (("AWS::Budgets::Budget", name) for name in list(budgets))


def _inference() -> Found:
    for sagemaker in _backends(sagemaker_backends):
        yield from (("AWS::SageMaker::Model", name) for name in list(sagemaker._models))
        yield from (("AWS::SageMaker::EndpointConfig", name) for name in list(sagemaker.endpoint_configs))
        yield from (("AWS::SageMaker::Endpoint", name) for name in list(sagemaker.endpoints))
    for scaling in _backends(applicationautoscaling_backends):
        for dimension, targets in list(scaling.targets.items()):
            for resource_id in list(targets):
                yield "AWS::ApplicationAutoScaling::ScalableTarget", f"{resource_id}|{dimension}|sagemaker"
        for policy in list(scaling.policies.values()):
            yield "AWS::ApplicationAutoScaling::ScalingPolicy", policy.policy_arn
        for action in list(scaling.scheduled_actions):
            yield "AWS::ApplicationAutoScaling::ScheduledAction", action.scheduled_action_name


def _networks() -> Found:
    """VPCs and what is in them, but for what every account and every VPC has by default."""
    for ec2 in _backends(ec2_backends):
        own = {vpc.id for vpc in list(ec2.vpcs.values()) if not vpc.is_default}
        yield from (("AWS::EC2::VPC", vpc_id) for vpc_id in own)
        for subnets in list(ec2.subnets.values()):
            yield from (("AWS::EC2::Subnet", one.id) for one in list(subnets.values()) if one.vpc_id in own)
        for table in list(ec2.route_tables.values()):
            if not table.main_association_id:
                yield "AWS::EC2::RouteTable", table.id
        for groups in list(ec2.groups.values()):
            named = [one for one in list(groups.values()) if one.name != "default"]
            yield from (("AWS::EC2::SecurityGroup", one.id) for one in named)
        endpoints = [one for one in list(ec2.vpc_end_points.values()) if one.state != "deleted"]
        yield from (("AWS::EC2::VPCEndpoint", one.id) for one in endpoints)
        behind = {interface for one in endpoints for interface in one.network_interface_ids}
        yield from (("AWS::EC2::NetworkInterface", one) for one in list(ec2.enis) if one not in behind)
        yield from (("AWS::EC2::FlowLog", one) for one in list(ec2.flow_logs))


def _workflows() -> Found:
    for states in _backends(stepfunctions_parser_backends):
        yield from (("AWS::StepFunctions::StateMachine", one.arn) for one in list(states.state_machines))


_SERVICES: tuple[Callable[[], Found], ...] = (
    _storage,
    _access,
    _messaging,
    _functions,
    _edge,
    _observation,
    _spending,
    _inference,
    _networks,
    _workflows,
)
