"""The integrations that moto's interpreter lacks: SageMaker's, and what the AWS SDK's answers look like.

Step Functions developer guide, "Create and manage Amazon SageMaker AI jobs", "AWS SDK service integrations".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
    ResourceRuntimePart,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory import (
    state_task_service_for,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from darkroom.sandbox.sagemaker.validation import service_model
from darkroom.sandbox.step_functions import execution_role

_ERROR_NAMES = {"cloudformation": "CloudFormation", "s3": "S3", "sagemaker": "SageMaker", "ssm": "Ssm"}


def install() -> None:
    """Let the interpreter find these."""
    aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_NAMES)
    state_task_factory.state_task_service_for = task_service_for
    execution_role.install()


def task_service_for(service_name: str) -> StateTaskService:
    """The integration of a service, moto's own but for two."""
    if service_name == "sagemaker":
        return SageMakerTask()
    return SdkTask() if service_name == "aws-sdk" else state_task_service_for(service_name)


def _plain(value: Any) -> Any:
    """An SDK's answer as JSON: times as text, a body as the text that it is."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.read().decode() if isinstance(value, StreamingBody) else value


class SdkTask(aws_sdk.StateTaskServiceAwsSdk):  # type: ignore[misc]
    """A call of any service's API."""

    def _normalise_response(self, response: Any, *_names: str | None) -> None:
        if isinstance(response, dict):
            response.update({key: _plain(value) for key, value in response.items()})


class SageMakerTask(callback.StateTaskServiceCallback):  # type: ignore[misc]
    """CreateTrainingJob, with .sync until the job has ended."""

    def __init__(self) -> None:
        # The interpreter's code for .sync needs the endpoint that only the second pattern makes.
        patterns = {ResourceCondition.Sync, ResourceCondition.WaitForTaskToken}
        super().__init__(supported_integration_patterns=patterns)

    def _get_supported_parameters(self) -> set[str] | None:
        """The integration's parameters; None refuses the state machine that has it."""
        if self.resource.api_action != "createTrainingJob":
            return None
        shape = service_model("sagemaker").operation_model("CreateTrainingJob").input_shape
        return set(shape.members)

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,
        normalised_parameters: dict[str, Any],
        state_credentials: StateCredentials,
    ) -> None:
        client = self._client(resource_runtime_part, state_credentials)
        self._started = (client, normalised_parameters["TrainingJobName"])
        response = client.create_training_job(**normalised_parameters)
        execution_role.require_to_follow(state_credentials.role_arn, response["TrainingJobArn"])
        response.pop("ResponseMetadata", None)
        env.stack.append(response)

    def _build_sync_resolver(self, env: Environment, **_task: Any) -> Callable[[], Any]:
        env.stack.pop()
        client, name = self._started

        def resolve() -> dict[str, Any] | None:
            job = client.describe_training_job(TrainingJobName=name)
            job.pop("ResponseMetadata", None)
            found: dict[str, Any] = _plain(job)
            if found["TrainingJobStatus"] == "Failed":
                raise FailureEventException(self._failed(env, "States.TaskFailed", json.dumps(found)))
            return found if found["TrainingJobStatus"] in ("Completed", "Stopped") else None

        return resolve

    def _eval_sync(self, env: Environment, *arguments: Any, **keywords: Any) -> Any:
        """Wait for the job; it is stopped with the execution, or with the state that ran out of time."""
        outcome = super()._eval_sync(env, *arguments, **keywords)
        if not isinstance(outcome, dict):
            client, name = self._started
            client.stop_training_job(TrainingJobName=name)
        return outcome

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        code = ex.response["Error"]["Code"]
        known = code in ("ResourceLimitExceeded", "ResourceInUse", "ResourceNotFound")
        name = f"SageMaker.{code}Exception" if known else "SageMaker.AmazonSageMakerException"
        return self._failed(env, name, f"{ex.response['Error']['Message']} (Error Code: {code})")

    def _failed(self, env: Environment, error: str, cause: str) -> FailureEvent:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
            error=error,
            cause=cause,
        )
        return FailureEvent(
            env=env,
            error_name=ErrorName(error_name=error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )

    @staticmethod
    def _client(part: ResourceRuntimePart, credentials: StateCredentials) -> Any:
        return execution_role.client_of(part.region, "sagemaker", credentials)
