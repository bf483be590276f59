"""The states of one SageMaker job: run it, tell a lack of capacity from a failure, run it again or give up.

Training jobs, for compiling and publishing, too: they alone run on Neuron instances as well as on CPUs, and
they bring what a compiler wants, a cache that comes from S3 and goes back there (CheckpointConfig).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stacks.network import Attachment

State = dict[str, Any]

ROOT = "/opt/ml"
# What Step Functions calls SageMaker's refusals: too many jobs, too many calls, SageMaker in trouble.
REFUSALS = ["SageMaker.ResourceLimitExceededException", "SageMaker.AmazonSageMakerException"]
# A job that starts and fails with CapacityError is started again so often, so many seconds later.
CAPACITY_ROUNDS, CAPACITY_WAIT = 4, 900
# A job waits for its instance, and what it reads and writes moves before and after its own time.
MARGIN = 7200


@dataclass(frozen=True)
class Place:
    """Where every job of a build finds and leaves things, and who it is.

    Attributes:
        campaign: begins the jobs' names, which SageMaker limits to 63 characters: name (50 at most), eight
            characters of the build, the job's letter, its round and its try.
        code: the URI of the project's code.
        network: where jobs are attached, in an isolated campaign.
    """

    campaign: str
    partition: str
    bucket: str
    key_arn: str
    code: str
    network: Attachment | None = None


@dataclass(frozen=True)
class JobSpec:
    """One job.

    Attributes:
        name: of its state, and where its result goes in the state's data.
        command: of model_build/job.py.
        channels: ``InputDataConfig`` without the code, or the path of one that is made on the way.
        hyper_parameters: what model_build/job.py reads; a key that ends in ``.$`` has a path.
        cached: whether a folder of it is kept from job to job.
    """

    name: str
    command: str
    image: str
    role_arn: str
    instance_type: str
    volume_size: int
    timeout: int
    channels: list[dict[str, Any]] | str
    hyper_parameters: dict[str, str]
    cached: bool = False
    result: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "result", self.name.replace(" ", "").lower())


def channel(name: str, *, uri: str | None = None, path: str | None = None) -> dict[str, Any]:
    """An input channel: all below an S3 URI that is known, or that a path in the state's data leads to."""
    where = {"S3Uri": uri} if uri is not None else {"S3Uri.$": path}
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", **where}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def job_states(job: JobSpec, place: Place, *, then: str, failed: str) -> dict[str, State]:
    """The states that run a job; they begin with the one that has its name."""
    why, wait, again, ended, stopped = (
        f"{job.name}: {step}" for step in ("what failed", "wait", "once more", "how it ended", "stopped")
    )
    rounds, output = f"$.rounds.{job.result}", f"$.{job.result}"
    no_capacity = [
        {"Variable": "$.error.Cause", "IsPresent": True},
        {"Variable": "$.error.Cause", "StringMatches": "*CapacityError*"},
        {"Variable": f"{rounds}.number", "NumericLessThan": CAPACITY_ROUNDS - 1},
    ]
    return {
        job.name: {
            "Type": "Task",
            "Resource": f"arn:{place.partition}:states:::sagemaker:createTrainingJob.sync",
            "Parameters": _training_job(job, place),
            "TimeoutSeconds": job.timeout + MARGIN,
            "ResultSelector": {
                "model.$": "$.ModelArtifacts.S3ModelArtifacts",
                "status.$": "$.TrainingJobStatus",
            },
            "ResultPath": output,
            "Retry": [
                {
                    "ErrorEquals": REFUSALS,
                    "IntervalSeconds": 60,
                    "BackoffRate": 2,
                    "MaxAttempts": 6,
                    "MaxDelaySeconds": 1800,
                    "JitterStrategy": "FULL",
                }
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": why}],
            "Next": ended,
        },
        why: {"Type": "Choice", "Choices": [{"And": no_capacity, "Next": wait}], "Default": failed},
        wait: {"Type": "Wait", "Seconds": CAPACITY_WAIT, "Next": again},
        again: {
            "Type": "Pass",
            "Parameters": {"number.$": f"States.MathAdd({rounds}.number, 1)"},
            "ResultPath": rounds,
            "Next": job.name,
        },
        ended: {
            "Type": "Choice",
            "Choices": [{"Variable": f"{output}.status", "StringEquals": "Completed", "Next": then}],
            "Default": stopped,
        },
        stopped: {
            "Type": "Pass",
            "Result": {
                "Error": "JobStopped",
                "Cause": f"the job of {job.name} was stopped or ran out of time",
            },
            "ResultPath": "$.error",
            "Next": failed,
        },
    }


def _training_job(job: JobSpec, place: Place) -> State:
    name = f"States.Format('{place.campaign}-{{}}-{job.command[0]}{{}}{{}}', "
    volume = {"InstanceType": job.instance_type, "InstanceCount": 1, "VolumeSizeInGB": job.volume_size}
    if not has_local_storage(job.instance_type):
        volume["VolumeKmsKeyId"] = place.key_arn
    cache = {"CheckpointConfig": {"S3Uri": f"s3://{place.bucket}/cache/", "LocalPath": f"{ROOT}/checkpoints"}}
    channels = (
        {"InputDataConfig.$": job.channels}
        if isinstance(job.channels, str)
        else {"InputDataConfig": [channel("code", uri=place.code), *job.channels]}
    )
    return {
        "TrainingJobName.$": f"{name}$.id, $.rounds.{job.result}.number, $$.State.RetryCount)",
        "AlgorithmSpecification": {
            "TrainingImage": job.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"{ROOT}/input/data/code/model_build/job.py"],
            "ContainerArguments": [job.command, "--root", ROOT],
        },
        "RoleArn": job.role_arn,
        "HyperParameters": job.hyper_parameters,
        **channels,
        "OutputDataConfig": {
            "S3OutputPath.$": f"States.Format('s3://{place.bucket}/builds/{{}}/', $.id)",
            "KmsKeyId": place.key_arn,
            "CompressionType": "NONE",
        },
        "ResourceConfig": volume,
        "StoppingCondition": {"MaxRuntimeInSeconds": job.timeout},
        # SageMaker's own: a job that its InternalServerError ended is run again.
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        **(cache if job.cached else {}),
        **_vpc(place.network),
        "Tags": [
            {"Key": "darkroom:campaign", "Value": place.campaign},
            {"Key": "darkroom:build", "Value.$": "$$.Execution.Name"},
        ],
    }


def _vpc(network: Attachment | None) -> dict[str, Any]:
    """Not isolated, as the model is: what publishes calls S3 itself."""
    if network is None:
        return {}
    return {
        "VpcConfig": {
            "Subnets": list(network.subnet_ids),
            "SecurityGroupIds": [network.security_group_id],
        }
    }


def has_local_storage(instance_type: str) -> bool:
    """Whether the instance has disks of its own, which SageMaker takes and encrypts with their own keys.

    A VolumeKmsKeyId is refused for them (SageMaker API, ResourceConfig).
    """
    return instance_type.split(".")[1] in ("g5", "g6", "g6e", "trn1")
