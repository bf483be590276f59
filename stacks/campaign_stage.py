"""Wires the stacks of one campaign; the one place where they meet."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.api_stack import ApiStack
from stacks.data_stack import DataStack
from stacks.inference_stack import InferenceStack
from stacks.lambda_code import LambdaCode
from stacks.model_build_stack import ModelBuildStack
from stacks.monitoring_stack import MonitoringStack
from stacks.storage import Storage


class CampaignStage(cdk.Stage):
    """One campaign: ``cdk deploy 'NAME/*'``, ``cdk destroy 'NAME/*'``."""

    def __init__(self, scope: Construct, *, campaign: ResolvedCampaign, lambda_code: LambdaCode) -> None:
        file = campaign.file
        env = cdk.Environment(account=file.environment.account, region=file.environment.region)
        super().__init__(scope, campaign.name, env=env)
        self.campaign = campaign
        self.data = DataStack(
            self,
            "data",
            campaign=campaign,
            lambda_code=lambda_code,
            env=env,
            description=f"Campaign {campaign.name}: key, buckets, job table",
        )
        network = self.data.network
        self.inference = InferenceStack(
            self,
            "inference",
            campaign=campaign,
            key=self.data.key,
            payloads=self.data.payloads,
            pictures=self.data.pictures,
            built=self.data.built,
            network=network.model if network else None,
            env=env,
            description=f"Campaign {campaign.name}: endpoint and scaling",
        )
        self.api = ApiStack(
            self,
            "api",
            campaign=campaign,
            storage=Storage(
                key=self.data.key,
                payloads=self.data.payloads,
                pictures=self.data.pictures,
                jobs=self.data.jobs,
            ),
            topics=self.inference.topics,
            lambda_code=lambda_code,
            network=network.functions if network else None,
            env=env,
            description=f"Campaign {campaign.name}: HTTP API and functions",
        )
        self.monitoring = MonitoringStack(
            self,
            "monitoring",
            campaign=campaign,
            key=self.data.key,
            dead_letters=self.api.dead_letters,
            drawings=self.api.drawings,
            env=env,
            description=f"Campaign {campaign.name}: dashboard and alarms",
        )
        self.build = self._build_pipeline(env)
        for name, value in {"darkroom:campaign": campaign.name, **file.tags}.items():
            cdk.Tags.of(self).add(name, value)

    def _build_pipeline(self, env: cdk.Environment) -> ModelBuildStack | None:
        build, built = self.campaign.file.build, self.data.built
        if build is None or built is None:
            return None
        # Both read the parameter that is in the data stack.
        self.api.add_stack_dependency(self.data)
        self.inference.add_stack_dependency(self.data)
        return ModelBuildStack(
            self,
            "build",
            campaign=self.campaign,
            build=build,
            key=self.data.key,
            built=built,
            network=self.data.network.model if self.data.network else None,
            updates=[self.inference.stack_name, self.api.stack_name],
            env=env,
            description=f"Campaign {self.campaign.name}: the pipeline that makes its bundles",
        )
