"""The SageMaker API's operations on training jobs."""

from __future__ import annotations

from typing import Any, Protocol

from moto.core.responses import ActionResult, EmptyResult

from darkroom.sandbox.sagemaker.training.jobs import TrainingJobs

PLAYED = frozenset({"CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs", "StopTrainingJob"})


class _Request(Protocol):
    """What the operations need of the API they are mixed into."""

    @property
    def training(self) -> TrainingJobs: ...

    def _request(self) -> dict[str, Any]: ...


class TrainingApi:
    """Mixed into the API, before moto's own operations."""

    def create_training_job(self: _Request) -> ActionResult:
        """CreateTrainingJob."""
        return ActionResult({"TrainingJobArn": self.training.create(self._request()).arn})

    def describe_training_job(self: _Request) -> ActionResult:
        """DescribeTrainingJob."""
        return ActionResult(self.training.find(self._request()["TrainingJobName"]).describe())

    def stop_training_job(self: _Request) -> ActionResult:
        """StopTrainingJob."""
        self.training.stop(self._request()["TrainingJobName"])
        return EmptyResult()

    def list_training_jobs(self: _Request) -> ActionResult:
        """ListTrainingJobs, the newest first; by a part of the name and by status."""
        asked = self._request()
        part, status = asked.get("NameContains", ""), asked.get("StatusEquals")
        found = [job.describe() for job in self.training.all()]
        shown = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "LastModifiedTime")
        return ActionResult(
            {
                "TrainingJobSummaries": [
                    {name: job[name] for name in shown}
                    for job in found
                    if part in job["TrainingJobName"] and status in (None, job["TrainingJobStatus"])
                ][: asked.get("MaxResults", 10)]
            }
        )
