"""The training jobs of an account in a region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.sagemaker.configuration import UnplayedError
from darkroom.sandbox.sagemaker.training.job import TrainingJob, has_ended
from darkroom.sandbox.sagemaker.validation import violations

# What changes what a job does, and is not played.
_UNPLAYED = (
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "ModelPackageConfig",
    "ServerlessJobConfig",
    "SessionChainingConfig",
)


class TrainingJobs:
    """Every training job there was, by name; a name is never free again."""

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id, self._region = account_id, region
        self._jobs: dict[str, TrainingJob] = {}

    def create(self, request: Mapping[str, Any]) -> TrainingJob:
        """CreateTrainingJob.

        Raises:
            AWSValidationException: the request is wrong, or asks for what is not played.
            ResourceInUseException: there was a job of that name.
        """
        if wrong := violations("sagemaker", "CreateTrainingJob", request):
            raise AWSValidationException(wrong)
        name = request["TrainingJobName"]
        if name in self._jobs:
            raise ResourceInUseException(
                message=f"Training job names must be unique within an AWS account and region, and a training "
                f"job with this name already exists ({self._jobs[name].arn})"
            )
        try:
            _refuse_unplayed(request)
            job = TrainingJob(sandbox.current(), self._account_id, self._region, request)
        except UnplayedError as error:
            raise AWSValidationException(f"The Darkroom sandbox does not play {error}.") from error
        self._jobs[name] = job
        job.start()
        return job

    def find(self, name: str) -> TrainingJob:
        """The job of that name.

        Raises:
            AWSValidationException: there was none.
        """
        if name not in self._jobs:
            raise AWSValidationException("Requested resource not found.")
        return self._jobs[name]

    def stop(self, name: str) -> None:
        """StopTrainingJob.

        Raises:
            AWSValidationException: there was none, or it has ended.
        """
        job = self.find(name)
        if has_ended(job):
            raise AWSValidationException(
                f"The request was rejected because the training job is in status {job.status}."
            )
        job.stop()

    def all(self) -> list[TrainingJob]:
        """Every job, newest first."""
        return list(self._jobs.values())[::-1]

    def stop_all(self) -> None:
        """End what runs."""
        for job in self._jobs.values():
            if not has_ended(job):
                job.stop()


def _refuse_unplayed(request: Mapping[str, Any]) -> None:
    for name in _UNPLAYED:
        if request.get(name):
            raise UnplayedError(f"{name} of a training job")
    if request["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise UnplayedError("training on several instances")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "NONE":
        raise UnplayedError("compressed model artifacts: give CompressionType NONE")
    for channel in request.get("InputDataConfig") or []:
        source = (channel.get("DataSource") or {}).get("S3DataSource") or {}
        mode = channel.get("InputMode") or request["AlgorithmSpecification"]["TrainingInputMode"]
        if source.get("S3DataType") != "S3Prefix" or mode != "File":
            raise UnplayedError(f"channel {channel['ChannelName']}: give an S3Prefix and the input mode File")
