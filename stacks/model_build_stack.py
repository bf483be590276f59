"""The pipeline that makes a campaign's bundles: fine-tune, compile, verify, publish, serve."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from darkroom.campaign.fields import SOURCE_PREFIX
from darkroom.campaign.model import Build
from stacks.build_code import publish_code
from stacks.build_definition import Job, Machine, definition
from stacks.build_images import compiling_image, training_image
from stacks.build_jobs import Place
from stacks.build_roles import building_role, machine_role, publishing_role
from stacks.network import Attachment
from stacks.permissions import allow_service, arn
from stacks.served_bundle import BuiltBundles, build_log_group

# Verifying and copying: a bundle of SDXL's size in minutes, on little.
PUBLISHING_INSTANCE, PUBLISHING_VOLUME, PUBLISHING_TIMEOUT = "ml.m5.xlarge", 100, 3600


class ModelBuildStack(cdk.Stack):
    """The state machine, the roles of it and its jobs, and the topic that tells how builds end."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        build: Build,
        key: kms.IKey,
        built: BuiltBundles,
        network: Attachment | None,
        updates: Sequence[str],
        env: cdk.Environment,
        description: str,
    ) -> None:
        """``updates`` are the names of the stacks that a new bundle is brought to, in order."""
        super().__init__(scope, id, env=env, description=description)
        self._campaign = campaign
        self._key = key
        self.code = publish_code(self)
        self.sources = [_place(source) for source in build.sources]
        # A trace for the CPU keeps no cache (build_definition.py).
        self.caches = build.compiler == "neuron"
        self.topic = self._build_topic()
        compiling = compiling_image(self, campaign)
        tuning = training_image(self, campaign) if build.fine_tune else None
        self.building_role = building_role(
            self,
            code=self.code,
            sources=self.sources,
            bucket=built.bucket,
            key=key,
            images=[compiling, tuning] if tuning else [compiling],
            attached=network is not None,
            fine_tunes=tuning is not None,
            caches=self.caches,
        )
        self.publishing_role = publishing_role(
            self,
            code=self.code,
            bucket=built.bucket,
            key=key,
            images=[compiling],
            attached=network is not None,
        )
        self.machine_role = machine_role(
            self,
            campaign=campaign.name,
            job_roles=[self.building_role, self.publishing_role],
            bucket=built.bucket,
            key=key,
            topic_arn=self.topic.topic_arn,
            stacks=updates,
        )
        machine = Machine(
            recipe=campaign.recipe.name,
            compiler=build.compiler,
            place=Place(
                campaign=campaign.name,
                partition=self.partition,
                bucket=built.bucket.bucket_name,
                key_arn=key.key_arn,
                code=f"s3://{self.code[0]}/{self.code[1]}",
                network=network,
            ),
            fine_tuning=Job(
                tuning.uri,
                self.building_role.role_arn,
                build.fine_tune.instance_type,
                build.fine_tune.volume_size,
                build.fine_tune.timeout,
            )
            if tuning and build.fine_tune
            else None,
            compiling=Job(
                compiling.uri,
                self.building_role.role_arn,
                build.instance_type,
                build.volume_size,
                build.timeout,
            ),
            publishing=Job(
                compiling.uri,
                self.publishing_role.role_arn,
                PUBLISHING_INSTANCE,
                PUBLISHING_VOLUME,
                PUBLISHING_TIMEOUT,
            ),
            topic_arn=self.topic.topic_arn,
            stacks=updates,
        )
        self.machine = self._build_machine(machine)
        self._build_alarm()
        cdk.CfnOutput(self, "StateMachineArn", value=self.machine.attr_arn)
        cdk.CfnOutput(self, "BuildsTopicArn", value=self.topic.topic_arn)

    def _build_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Builds", master_key=self._key, enforce_ssl=True)
        alarms = arn(self, "cloudwatch", f"alarm:{self._campaign.name}-*")
        topic.add_to_resource_policy(
            allow_service("cloudwatch.amazonaws.com", ["sns:Publish"], topic.topic_arn, source_arns=[alarms])
        )
        for index, address in enumerate(self._campaign.file.notifications.email):
            sns.CfnSubscription(
                self, f"Email{index}", topic_arn=topic.topic_arn, protocol="email", endpoint=address
            )
        return topic

    def _build_machine(self, machine: Machine) -> stepfunctions.CfnStateMachine:
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=build_log_group(self._campaign.name),
            encryption_key=self._key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        made = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=f"{self._campaign.name}-build",
            role_arn=self.machine_role.role_arn,
            # The CDK's own to_json_string leaves nulls out, and a ResultPath of null says: keep the input.
            definition_string=json.dumps(definition(machine)),
            logging_configuration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": log_group.log_group_arn}}],
            },
            tracing_configuration={"enabled": True},
        )
        # Step Functions tries the role's permission to log while it creates the machine.
        made.node.add_dependency(self.machine_role)
        return made

    def _build_alarm(self) -> None:
        """A machine that runs out of time, or is stopped by hand, tells nobody itself."""
        for name, metric in (("TimedOut", "ExecutionsTimedOut"), ("Aborted", "ExecutionsAborted")):
            cloudwatch.CfnAlarm(
                self,
                f"Build{name}",
                alarm_name=f"{self._campaign.name}-build-{name.lower()}",
                alarm_description="A build ended without telling how (docs/model-build.md)",
                namespace="AWS/States",
                metric_name=metric,
                dimensions=[{"name": "StateMachineArn", "value": self.machine.attr_arn}],
                statistic="Sum",
                period=60,
                evaluation_periods=1,
                threshold=1,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data="notBreaching",
                alarm_actions=[self.topic.topic_arn],
            )


def _place(source: str) -> tuple[str, str]:
    match = re.fullmatch(SOURCE_PREFIX, source)
    if match is None:
        raise ValueError(f"{source} is no prefix in S3: loading the campaign saw to that")
    return match["bucket"], match["prefix"]
