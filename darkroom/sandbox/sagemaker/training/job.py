"""One training job's life: start, download, train, upload; stopped or failed on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError, Need
from darkroom.sandbox.moments import moto_datetime_of
from darkroom.sandbox.network import Attachment, refusal, routers
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.s3_objects import ObjectError
from darkroom.sandbox.sagemaker.training.container import Container
from darkroom.sandbox.sagemaker.training.log import LOG_GROUP, TrainingLog
from darkroom.sandbox.sagemaker.training.transfer import Transfer

# From SIGTERM to SIGKILL (SageMaker API, StopTrainingJob).
_GRACE_SECONDS = 120.0
_POLL_SECONDS = 0.1
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


class TrainingJob:
    """A training job; it runs on a thread of its own from :meth:`start` on.

    The instance takes the sandbox's start-up time, by its clock. Downloads, training and uploads take what
    they take; MaxRuntimeInSeconds counts wall seconds, as an endpoint's invocation time-out does.
    """

    def __init__(self, context: Context, account_id: str, region: str, request: Mapping[str, Any]) -> None:
        name = request["TrainingJobName"]
        self.arn = f"arn:aws:sagemaker:{region}:{account_id}:training-job/{name}"
        self._context = context
        self._account_id, self._region = account_id, region
        self._request = dict(request)
        self._container = Container(request, context.settings.state / "training" / name)
        self._log = TrainingLog(context, account_id, region, name)
        self._network = Attachment.of(account_id, region, request.get("VpcConfig"))
        self._transfer = Transfer(account_id, region, request["RoleArn"], self._network)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._status = "InProgress"
        self._transitions: list[dict[str, Any]] = []
        self._failure: str | None = None
        self._created = self._now()
        self._training: tuple[Any, Any] = (None, None)
        self._move("Starting", "Preparing the instances for training")

    @property
    def status(self) -> str:
        """TrainingJobStatus."""
        return self._status

    def start(self) -> None:
        """Run it in the background."""
        name = self._request["TrainingJobName"]
        threading.Thread(target=self._run, name=f"training {name}", daemon=True).start()

    def stop(self) -> None:
        """Ask a job that runs to end."""
        with self._lock:
            if self._status == "InProgress":
                self._status = "Stopping"
                self._move("Stopping", "Stopping the training job")
        self._stop.set()

    def describe(self) -> dict[str, Any]:
        """DescribeTrainingJob."""
        asked = {name: value for name, value in self._request.items() if name != "Tags"}
        started, ended = self._training
        found = {
            **asked,
            "TrainingJobArn": self.arn,
            "ModelArtifacts": {"S3ModelArtifacts": self._artifacts},
            "TrainingJobStatus": self._status,
            "SecondaryStatus": self._transitions[-1]["Status"],
            "SecondaryStatusTransitions": self._transitions,
            "FailureReason": self._failure,
            "CreationTime": self._created,
            "LastModifiedTime": self._transitions[-1]["StartTime"],
            "TrainingStartTime": started,
            "TrainingEndTime": ended,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def tags(self) -> list[dict[str, str]]:
        """The job's tags."""
        return list(self._request.get("Tags") or [])

    @property
    def _artifacts(self) -> str:
        """Where model/ goes: CompressionType NONE, the one that is played, leaves it as it is."""
        output = self._request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{output}/{self._request['TrainingJobName']}/output/model/"

    def _run(self) -> None:
        try:
            self._context.clock.wait_until(
                self._context.clock.now() + self._context.settings.instance_start_seconds, self._stop
            )
            failure = None if self._stop.is_set() else self._work()
        except ObjectError as error:
            failure = f"ClientError: Data download failed:{error}"
        except AccessDeniedError as error:
            failure = f"ClientError: {error}"
        except Exception as error:
            traceback.print_exc()
            failure = f"InternalServerError: the local AWS failed: {type(error).__name__}: {error}"
        shutil.rmtree(self._container.folder, ignore_errors=True)
        self._end(failure)

    def _needs(self) -> list[Need]:
        """What an instance and its container need of the job's role beside S3."""
        region, account = self._region, self._account_id
        group = ("CreateLogGroup", "DescribeLogStreams")
        return [
            *execution_role.to_encrypt_volumes(self._request["ResourceConfig"].get("VolumeKmsKeyId")),
            *execution_role.to_pull(self._request["AlgorithmSpecification"].get("TrainingImage") or ""),
            *execution_role.to_attach(self._network),
            *execution_role.to_log(LOG_GROUP, self._log.stream, region, account, actions=group),
            *execution_role.to_publish_metrics("/aws/sagemaker/TrainingJobs"),
        ]

    def _work(self) -> str | None:
        """Download, train, upload; why it failed, if it did."""
        container, output = self._container, self._request["OutputDataConfig"]
        execution_role.require(self._request["RoleArn"], self._needs())
        self._move("Downloading", "Downloading input data")
        unreachable = refusal(self._network, "s3") if self._network else None
        if unreachable:
            return f"ClientError: Data download failed: S3 can't be reached: {unreachable}"
        container.prepare()
        for channel in self._request.get("InputDataConfig") or []:
            self._transfer.download_channel(channel, container.channel(channel["ChannelName"]))
        checkpoints, kept = container.checkpoints, self._request.get("CheckpointConfig")
        if checkpoints is not None and kept:
            self._transfer.download(kept["S3Uri"], checkpoints)
        self._move("Training", "Training image download completed. Training in progress.")
        failure = self._train()
        self._move("Uploading", "Uploading generated training model")
        if checkpoints is not None and kept:
            self._transfer.upload(checkpoints, kept["S3Uri"], None)
        if failure is None:
            self._transfer.upload(container.model, self._artifacts, output.get("KmsKeyId"))
        return failure

    def _train(self) -> str | None:
        """Run the container's command to its end, its time or a stop; why it failed, if it did."""
        started = self._now()
        self._training = (started, None)
        settings = self._context.settings
        environment = self._container.environment(
            settings, account_id=self._account_id, region=self._region, arn=self.arn
        )
        child = self._context.processes.spawn(
            self._container.command,
            env={**environment, **routers().variables(self._network, settings)},
            cwd=self._container.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        reader = self._log.follow(child)
        longest = float(self._request["StoppingCondition"].get("MaxRuntimeInSeconds", 86400))
        expired = threading.Timer(longest, self._expire)
        expired.daemon = True
        expired.start()
        try:
            status = self._wait(child)
        finally:
            expired.cancel()
            self._context.processes.kill(child)
            reader.join()
            self._training = (started, self._now())
        if status == 0 or self._stop.is_set():
            return None
        said = self._container.failure()
        return (
            f"AlgorithmError: {said}, exit code: {status}" if said else f"AlgorithmError: exit code: {status}"
        )

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        while child.poll() is None:
            if self._stop.wait(_POLL_SECONDS):
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    return child.wait(_GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    self._context.processes.kill(child)
        return child.wait()

    def _expire(self) -> None:
        self._failure = "MaxRuntimeExceeded"
        self.stop()

    def _end(self, failure: str | None) -> None:
        with self._lock:
            expired, self._failure = self._failure, failure
            if failure is not None:
                self._status = "Failed"
                self._move("Failed", failure)
            elif self._status == "Stopping":
                self._status = "Stopped"
                self._move(expired or "Stopped", "Training job stopped")
            else:
                self._status = "Completed"
                self._move("Completed", "Training job completed")

    def _move(self, status: str, message: str) -> None:
        now = self._now()
        if self._transitions:
            self._transitions[-1]["EndTime"] = now
        self._transitions.append({"Status": status, "StartTime": now, "StatusMessage": message})

    def _now(self) -> Any:
        return moto_datetime_of(self._context.clock.now())


def has_ended(job: TrainingJob) -> bool:
    """Whether nothing more will happen to it."""
    return job.status in _ENDED
