"""The HTTP API and the functions behind it: front-end, completion or drawing, reconciliation."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.api_keys import ApiKeys
from stacks.data_stack import MAX_ATTEMPTS
from stacks.drawing import draw_from, drawing_seconds, drawing_statements, drawings_queue
from stacks.http_api import HttpApi
from stacks.lambda_code import LambdaCode
from stacks.moderation import ModerationRules
from stacks.network import Attachment
from stacks.openapi import request_rules
from stacks.permissions import allow, allow_service, arn
from stacks.python_function import PythonFunction
from stacks.schedule import run_every
from stacks.served_bundle import if_built, served_bundle
from stacks.storage import Storage
from stacks.utilization import NAMESPACE, SERVICE

# A link lives as long as a page that shows the picture is looked at.
LINK_SECONDS = 900


class ApiStack(cdk.Stack):
    """Requests come in here, and results come back here."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        storage: Storage,
        topics: Mapping[str, sns.ITopic],
        lambda_code: LambdaCode,
        network: Attachment | None,
        env: cdk.Environment,
        description: str,
    ) -> None:
        super().__init__(scope, id, env=env, description=description)
        self._campaign = campaign
        self._storage = storage
        self._model_id = self._build_model_id()
        self._topics = topics
        self._network = network
        self._code = lambda_code.package("image_api")
        self._moderation = ModerationRules(self, campaign, lambda_code)
        self._layers = [lambda_code.dependencies(self), *self._moderation.layers]
        self.dead_letters = self._build_dead_letters()
        # A realtime endpoint answers who calls it: a function does, in place of the one that listens.
        is_realtime = campaign.file.endpoint.mode == "realtime"
        self.drawings = drawings_queue(self, campaign) if is_realtime else None
        self.front = self._build_front()
        self.completion = None if is_realtime else self._build_completion()
        self.mapping: lambda_.CfnEventSourceMapping | None = None
        self.drawing = self._build_drawing(self.drawings) if self.drawings else None
        self.reconciliation = self._build_reconciliation()
        self.http = HttpApi(self, "Http", campaign=campaign, key=storage.key, function=self.front.function)
        cdk.CfnOutput(self, "ApiUrl", value=self.http.url)
        cdk.CfnOutput(self, "ApiAuthorizer", value=campaign.file.api.authorizer)
        self.api_keys = self._build_api_keys(lambda_code)

    def _build_api_keys(self, lambda_code: LambdaCode) -> ApiKeys | None:
        """What ends the keys that `darkroom keys` made; nothing where there is no usage plan."""
        plan, key = self.http.plan, self.http.key
        if plan is None or key is None:
            return None
        cdk.CfnOutput(self, "ApiUsagePlanId", value=plan.ref)
        cdk.CfnOutput(
            self,
            "ApiKeyId",
            value=key.ref,
            description="aws apigateway get-api-key --include-value --api-key ID shows the key",
        )
        return ApiKeys(
            self,
            "ApiKeys",
            campaign=self._campaign.name,
            code=lambda_code.package("api_keys", "custom_resource"),
            plan=plan,
            key=key,
            dead_letters=self.dead_letters,
            encryption_key=self._storage.key,
        )

    def _build_model_id(self) -> str:
        """What draws, as part of every job's id; what a build publishes changes it."""
        if self._campaign.file.build is None:
            return self._campaign.model_id
        served = served_bundle(self, self._campaign)
        return if_built(served, self._campaign.model_id_of(served.uri), self._campaign.model_id)

    def _build_dead_letters(self) -> sqs.Queue:
        """One place to look at for what nobody could handle: notifications, events, invocations."""
        queue = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        topics = [topic.topic_arn for topic in self._topics.values()]
        if topics:
            queue.add_to_resource_policy(
                allow_service("sns.amazonaws.com", ["sqs:SendMessage"], queue.queue_arn, source_arns=topics)
            )
        return queue

    @property
    def functions(self) -> list[PythonFunction]:
        """Those that there are."""
        every = (self.front, self.completion, self.drawing, self.reconciliation)
        return [function for function in every if function is not None]

    def _build_front(self) -> PythonFunction:
        return self._build_function(
            "Front",
            statements=[
                self._storage.using_jobs("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
                *self._submitting(),
                # The links that it signs are as good as its own permission to read.
                self._storage.reading("pictures"),
                *self._moderation.for_prompts(),
            ],
            # Less than the 29 seconds in which API Gateway gives up.
            timeout=cdk.Duration.seconds(28),
            memory_size=512,
        )

    def _build_completion(self) -> PythonFunction:
        completion = self._build_function(
            "Completion",
            statements=[
                self._storage.using_jobs("dynamodb:GetItem", "dynamodb:UpdateItem"),
                # A failure that another attempt may not meet is submitted again at once.
                *self._submitting(),
                # It is told where a failure lies; one that does not may as well be refused as not found.
                self._storage.reading("failures"),
                *([self._storage.reading("pictures")] if self._moderation.looks_at_pictures else []),
                *self._moderation.for_pictures(self._storage.pictures),
            ],
            timeout=cdk.Duration.seconds(30),
            memory_size=512,
            dead_letters=self.dead_letters,
        )
        for name, topic in self._topics.items():
            self._subscribe(f"{name}Notifications", completion, topic)
        return completion

    def _build_drawing(self, queue: sqs.Queue) -> PythonFunction:
        drawing = self._build_function(
            "Drawing",
            statements=[
                self._storage.using_jobs("dynamodb:GetItem", "dynamodb:UpdateItem"),
                # A failure that another attempt may not meet is handed over again at once.
                *self._submitting(),
                *drawing_statements(queue, self._endpoint_arn()),
                self._storage.writing(self._storage.pictures, "pictures"),
                self._storage.writing(self._storage.pictures, "failures"),
                *self._storage.finding("pictures"),
                *self._moderation.for_pictures(self._storage.pictures),
                self._storage.encrypting(),
            ],
            timeout=cdk.Duration.seconds(drawing_seconds(self._campaign)),
            memory_size=512,
        )
        self.mapping = draw_from(self, queue, drawing.function, self._campaign)
        # Lambda tries the role's permissions on the queue when the mapping is made.
        self.mapping.node.add_dependency(drawing.role)
        return drawing

    def _subscribe(self, id: str, function: PythonFunction, topic: sns.ITopic) -> None:
        function.function.add_permission(
            id, principal=iam.ServicePrincipal("sns.amazonaws.com"), source_arn=topic.topic_arn
        )
        sns.CfnSubscription(
            self,
            id,
            topic_arn=topic.topic_arn,
            protocol="lambda",
            endpoint=function.function.function_arn,
            redrive_policy={"deadLetterTargetArn": self.dead_letters.queue_arn},
        )

    def _build_reconciliation(self) -> PythonFunction:
        reconciliation = self._build_function(
            "Reconciliation",
            statements=[
                self._storage.using_jobs("dynamodb:GetItem", "dynamodb:UpdateItem"),
                self._storage.listing_open_jobs(),
                *self._submitting(),
                *self._storage.finding("pictures", "failures"),
                *self._moderation.for_pictures(self._storage.pictures),
            ],
            timeout=cdk.Duration.seconds(55),
            memory_size=512,
            dead_letters=self.dead_letters,
        )
        run_every(
            self,
            "EveryMinute",
            rate="1 minute",
            function=reconciliation,
            target="reconciliation",
            description=f"Finishes what nobody finished in the campaign {self._campaign.name}",
            dead_letters=self.dead_letters,
        )
        return reconciliation

    def _build_function(
        self,
        id: str,
        *,
        statements: list[iam.PolicyStatement],
        timeout: cdk.Duration,
        memory_size: int,
        dead_letters: sqs.IQueue | None = None,
    ) -> PythonFunction:
        return PythonFunction(
            self,
            id,
            campaign=self._campaign.name,
            handler=f"image_api.{id.lower()}.handler",
            code=self._code,
            environment=self._environment(),
            statements=[*statements, self._storage.decrypting()],
            timeout=timeout,
            memory_size=memory_size,
            layers=self._layers,
            key=self._storage.key,
            network=self._network,
            dead_letters=dead_letters,
        )

    def _environment(self) -> dict[str, str]:
        """What image_api/settings.py reads (docs/architecture.md, Lambda functions)."""
        endpoint = self._campaign.file.endpoint
        return {
            "CAMPAIGN": self._campaign.name,
            "MODEL_ID": self._model_id,
            "JOBS_TABLE": self._storage.jobs.table_name,
            "PAYLOADS_BUCKET": self._storage.payloads.bucket_name,
            "PICTURES_BUCKET": self._storage.pictures.bucket_name,
            "ENDPOINT_NAME": self._campaign.name,
            "BACKEND": f"sagemaker-{endpoint.mode}",
            "CACHE_SECONDS": str(self._campaign.file.cache.time_to_live),
            "LINK_SECONDS": str(LINK_SECONDS),
            "MAX_ATTEMPTS": str(MAX_ATTEMPTS),
            "REQUEST_TTL_SECONDS": str(endpoint.request_time_to_live),
            "INVOCATION_TIMEOUT_SECONDS": str(endpoint.invocation_timeout),
            **({"DRAWINGS_QUEUE": self.drawings.queue_url} if self.drawings else {}),
            **self._moderation.environment,
            "REQUEST_RULES": json.dumps(request_rules(self._campaign)),
            "POWERTOOLS_SERVICE_NAME": SERVICE,
            "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    def _submitting(self) -> list[iam.PolicyStatement]:
        if self.drawings:
            return [allow(["sqs:SendMessage"], [self.drawings.queue_arn])]
        return [
            self._storage.writing(self._storage.payloads, "payloads"),
            self._storage.encrypting(),
            allow(["sagemaker:InvokeEndpointAsync"], [self._endpoint_arn()]),
        ]

    def _endpoint_arn(self) -> str:
        return arn(self, "sagemaker", f"endpoint/{self._campaign.name}")
