"""Topics, model, endpoint config, endpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from darkroom.campaign import LocalBundle, ResolvedCampaign
from stacks.bundle_assets import bundle_location
from stacks.container_image import container_environment, container_image
from stacks.endpoint_role import endpoint_role
from stacks.network import Attachment
from stacks.realtime_requests import queue_environment
from stacks.rollout import deployment_config, update_alarms, update_alarms_arn
from stacks.scaling import EndpointScaling
from stacks.served_bundle import NONE, PREFIX, BuiltBundles, if_built, served_bundle

VARIANT = "AllTraffic"

# The only Neuron inference AMI; without it hosts come with a driver too old for any container since
# SDK 2.20 (awslabs/llm-hosting-container pull 156).
NEURON_AMI = "al2-ami-sagemaker-inference-neuron-2"


class InferenceStack(cdk.Stack):
    """The endpoint on Inferentia2: asynchronous, from zero instances up, or realtime, from one."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        key: kms.IKey,
        payloads: s3.IBucket,
        pictures: s3.IBucket,
        built: BuiltBundles | None,
        network: Attachment | None,
        env: cdk.Environment,
        description: str,
    ) -> None:
        super().__init__(scope, id, env=env, description=description)
        self._campaign = campaign
        self._key = key
        self._network = network
        self._served = served_bundle(self, campaign) if built else None
        self._topics: dict[str, sns.Topic] = {}
        if campaign.file.endpoint.mode == "async":
            self._topics = {name: self._build_topic(f"{name}Topic") for name in ("Success", "Error")}
        self.bundle = bundle_location(self, campaign.bundle) if campaign.bundle else None
        self._image = container_image(self, campaign)
        self.role = endpoint_role(
            self,
            bundles=self._readable_bundles(built),
            image=self._image,
            key=key,
            payloads=payloads,
            pictures=pictures,
            topics=list(self._topics.values()),
            log_group=self._build_log_group(),
            attached=network is not None,
            update_alarms=update_alarms_arn(self, campaign),
        )
        self.model = self._build_model()
        config = self._build_endpoint_config(self.model, pictures)
        endpoint = self._build_endpoint(config)
        scaling = EndpointScaling(self, "Scaling", campaign=campaign, endpoint=endpoint, variant=VARIANT)
        if self.bundle is None:
            self._only_when_built(self.model, config, *self.update_alarms, endpoint, scaling)
        cdk.CfnOutput(self, "EndpointName", value=campaign.name)
        # What a downstream system subscribes to, to hear of every picture.
        for name, topic in self._topics.items():
            cdk.CfnOutput(self, f"{name}TopicArn", value=topic.topic_arn)

    @property
    def topics(self) -> Mapping[str, sns.ITopic]:
        """Where the endpoint tells of results, by ``Success`` and ``Error``; a realtime one has none."""
        return self._topics

    def _build_topic(self, id: str) -> sns.Topic:
        # Passes the trace on of who publishes in one; SageMaker does not, so far: the functions add what
        # becomes of a request to its trace (image_api/tracing.py).
        return sns.Topic(
            self, id, master_key=self._key, enforce_ssl=True, tracing_config=sns.TracingConfig.ACTIVE
        )

    def _build_log_group(self) -> logs.LogGroup:
        """SageMaker would create it without retention, and leave it behind."""
        return logs.LogGroup(
            self,
            "ContainerLog",
            log_group_name=f"/aws/sagemaker/Endpoints/{self._campaign.name}",
            encryption_key=self._key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _readable_bundles(self, built: BuiltBundles | None) -> list[tuple[s3.IBucket, str]]:
        found: list[tuple[s3.IBucket, str]] = []
        if self.bundle is not None:
            bucket, prefix = self.bundle
            found.append((s3.Bucket.from_bucket_name(self, "BundleBucket", bucket), prefix))
        if built is not None:
            found.append((built.bucket, PREFIX))
        return found

    def _only_when_built(self, *constructs: IConstruct) -> None:
        """Without a bundle there is nothing to serve: the endpoint comes with the first build."""
        if self._served is None:
            raise ValueError("a campaign without a bundle has a build section: loading it saw to that")
        for construct in constructs:
            for part in construct.node.find_all():
                if isinstance(part, cdk.CfnResource):
                    part.cfn_options.condition = self._served.condition

    def _bundle_uri(self) -> str:
        at_synth = f"s3://{self.bundle[0]}/{self.bundle[1]}" if self.bundle else NONE
        if self._served is None:
            return at_synth
        return if_built(self._served, self._served.uri, at_synth) if self.bundle else self._served.uri

    def _build_model(self) -> sagemaker.CfnModel:
        """SageMaker downloads the bundle's prefix, uncompressed, to /opt/ml/model."""
        container = {
            "image": self._image.uri,
            "modelDataSource": {
                "s3DataSource": {
                    "s3Uri": self._bundle_uri(),
                    "s3DataType": "S3Prefix",
                    "compressionType": "None",
                }
            },
            "environment": container_environment(self._campaign) | queue_environment(self._campaign),
        }
        # Serving calls nothing: what it needs is in the bundle, and SageMaker itself reads and writes S3, by
        # the network's endpoint (SageMaker developer guide, "Run Training and Inference Containers in
        # Internet-Free Mode"). In isolation the container has no way to anything, and no credentials.
        vpc = self._network.of_model() if self._network else None
        model = sagemaker.CfnModel(
            self,
            "Model",
            model_name=self._content_name([container, vpc] if vpc else container),
            execution_role_arn=self.role.role_arn,
            primary_container=container,
            vpc_config=vpc,
            enable_network_isolation=True if vpc else None,
        )
        if isinstance(self._campaign.bundle, LocalBundle) and self.bundle is not None:
            prefix = self.bundle[1]
            # `cdk gc` deletes every asset whose name is in no template, and instances to come need these
            # (aws-cdk, garbage-collection/stack-refresh.ts, ActiveAssetCache).
            model.add_metadata("bundle", [f"{prefix}{path}" for path, _ in self._campaign.bundle.files])
        return model

    def _build_endpoint_config(
        self, model: sagemaker.CfnModel, pictures: s3.IBucket
    ) -> sagemaker.CfnEndpointConfig:
        """An endpoint config can't be changed in place: its name changes with its content."""
        endpoint = self._campaign.file.endpoint
        variant = {
            "variantName": VARIANT,
            "modelName": model.attr_model_name,
            "instanceType": endpoint.instance_type,
            # SageMaker creates an endpoint with at least one instance; scaling takes it in from there.
            "initialInstanceCount": max(1, self._campaign.file.scaling.min_instances),
            "initialVariantWeight": 1,
            "inferenceAmiVersion": NEURON_AMI,
            "containerStartupHealthCheckTimeoutInSeconds": endpoint.startup_timeout,
            "modelDataDownloadTimeoutInSeconds": endpoint.download_timeout,
            "volumeSizeInGb": endpoint.volume_size,
        }
        if endpoint.mode == "realtime":
            # Pictures take seconds: at random, the default, some wait while other instances stand idle.
            variant["routingConfig"] = {"routingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
        asynchronous = self._asynchronous(pictures) if endpoint.mode == "async" else None
        content = {"model": model.model_name, "variant": {**variant, "modelName": ""}, "async": asynchronous}
        return sagemaker.CfnEndpointConfig(
            self,
            "EndpointConfig",
            endpoint_config_name=self._content_name(content),
            production_variants=[variant],
            async_inference_config=asynchronous,
            kms_key_id=self._key.key_arn,
        )

    def _asynchronous(self, pictures: s3.IBucket) -> dict[str, Any]:
        return {
            "clientConfig": {
                "maxConcurrentInvocationsPerInstance": self._campaign.workers_per_instance,
            },
            "outputConfig": {
                "kmsKeyId": self._key.key_arn,
                "s3OutputPath": f"s3://{pictures.bucket_name}/pictures/",
                "s3FailurePath": f"s3://{pictures.bucket_name}/failures/",
                "notificationConfig": {
                    "successTopic": self._topics["Success"].topic_arn,
                    "errorTopic": self._topics["Error"].topic_arn,
                },
            },
        }

    def _build_endpoint(self, config: sagemaker.CfnEndpointConfig) -> sagemaker.CfnEndpoint:
        self.update_alarms = update_alarms(
            self, self._campaign, variant=VARIANT, config=config.attr_endpoint_config_name
        )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self._campaign.name,
            endpoint_config_name=config.attr_endpoint_config_name,
            # Without it an update sets the instance count back to the config's (aws/aws-cdk#23151).
            retain_all_variant_properties=True,
            deployment_config=deployment_config(self._campaign, self.update_alarms),
        )
        # SageMaker tries role and topics while it creates the endpoint (amazon-sagemaker-examples#4461).
        endpoint.node.add_dependency(self.role, *self._topics.values())
        return endpoint

    def _content_name(self, content: Any) -> str | None:
        """The campaign's name and a digest of the content: another content is another resource.

        What is served after the next build nobody knows at synth: CloudFormation gives the names then, new
        ones for whatever it replaces.
        """
        if self._served is not None:
            return None
        text = json.dumps(self.resolve(content), sort_keys=True)
        return f"{self._campaign.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
