"""The model build's state machine, as the stack defines it, run with its real jobs against small stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darkroom.sandbox.process import SandboxProcess
from stacks.build_code import REPOSITORY, code_files
from stacks.build_definition import Job, Machine, definition
from stacks.build_jobs import Place
from stacks.served_bundle import NONE, parameter_name
from tests.eventually import eventually
from training.lora.brand_mark import write_pictures
from training.pictures import Size

pytestmark = pytest.mark.e2e

BUCKET = "machine-bundles"
ROLE = "arn:aws:iam::123456789012:role/any"
# Reads what is served as the campaign's stacks do, and shows it.
TEMPLATE = {
    "Parameters": {
        "BootstrapVersion": {
            "Type": "AWS::SSM::Parameter::Value<String>",
            "Default": "/cdk-bootstrap/version",
        },
        "ServedBundle": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": parameter_name("machine")},
    },
    "Resources": {
        "Served": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Ref": "ServedBundle"}},
        }
    },
    "Outputs": {"Served": {"Value": {"Fn::GetAtt": ["Served", "Value"]}}},
}


class Pipeline:
    """The state machine of a campaign called machine, and what it works on."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        self.states = sandbox.client("stepfunctions")
        self._make_role()
        self.topic = sandbox.client("sns").create_topic(Name="builds")["TopicArn"]
        self._put_code()
        ssm = sandbox.client("ssm")
        for name, value in (("/cdk-bootstrap/version", "30"), (parameter_name("machine"), NONE)):
            ssm.put_parameter(Name=name, Value=value, Type="String")
        for stack in ("machine-inference", "machine-api"):
            self._create(stack)
        self.arn = self._machine("machine-build", ["machine-inference", "machine-api"])

    def _make_role(self) -> None:
        """One that may do everything: what the stack's roles may do is tested where they are deployed."""
        iam = self.sandbox.client("iam")
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam.create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
        document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName="any", PolicyName="everything", PolicyDocument=document)

    def _put_code(self) -> None:
        s3 = self.sandbox.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for path in code_files():
            s3.upload_file(str(path), BUCKET, f"code/{path.relative_to(REPOSITORY).as_posix()}")

    def _create(self, stack: str) -> None:
        api = self.sandbox.client("cloudformation")
        api.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
        eventually(lambda: self.stack(stack)["StackStatus"] == "CREATE_COMPLETE", seconds=60)

    def upload(self, folder: Path, prefix: str) -> str:
        """Where a folder's files are in S3."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                self.sandbox.client("s3").upload_file(str(path), BUCKET, key)
        return f"s3://{BUCKET}/{prefix}/"

    def _machine(self, name: str, stacks: list[str], *, fine_tunes: bool = False) -> str:
        job = Job("123456789012.dkr.ecr.us-east-1.amazonaws.com/any:1", ROLE, "ml.m5.xlarge", 10, 600)
        machine = Machine(
            recipe="tiny-sdxl",
            compiler="cpu",
            place=Place(
                "machine", "aws", BUCKET, "arn:aws:kms:us-east-1:123456789012:key/k", f"s3://{BUCKET}/code/"
            ),
            fine_tuning=job if fine_tunes else None,
            compiling=job,
            publishing=job,
            topic_arn=self.topic,
            stacks=stacks,
        )
        made = self.states.create_state_machine(
            name=name, definition=json.dumps(definition(machine)), roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.client("cloudformation").describe_stacks(StackName=name)[
            "Stacks"
        ][0]
        return found

    def served(self, stack: str) -> str:
        """What a stack was last updated with."""
        return str(self.stack(stack)["Outputs"][0]["OutputValue"])

    def pointer(self) -> str:
        found = self.sandbox.client("ssm").get_parameter(Name=parameter_name("machine"))
        return str(found["Parameter"]["Value"])

    def start(self, arn: str | None = None, **asked: Any) -> str:
        started = self.states.start_execution(
            stateMachineArn=arn or self.arn, name=f"t{len(self.executions())}", input=json.dumps(asked)
        )
        return str(started["executionArn"])

    def executions(self) -> list[Any]:
        machines = self.states.list_state_machines()["stateMachines"]
        return [
            one
            for machine in machines
            for one in self.states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        ]

    def ended(self, execution: str) -> dict[str, Any]:
        def end() -> Any:
            described = self.states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        described: dict[str, Any] = eventually(end, "the build to end", seconds=400, every=0.3)
        return described

    def told(self) -> list[dict[str, Any]]:
        """What was told to the builds' topic."""
        return [
            json.loads(one["message"]) for one in self.sandbox.notifications() if one["topic"] == self.topic
        ]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with SandboxProcess(speed=50, instance_start_seconds=5) as sandbox:
        yield Pipeline(sandbox)


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> dict[str, Any]:
    """The end of the first build, which asks for nothing special."""
    return pipeline.ended(pipeline.start())


def test_a_build_publishes_a_bundle_under_its_digest_and_both_stacks_take_it(
    pipeline: Pipeline, first: dict[str, Any]
) -> None:
    assert first["status"] == "SUCCEEDED", first
    uri = json.loads(first["output"])["bundle"]
    assert pipeline.pointer() == uri
    assert [pipeline.served(stack) for stack in ("machine-inference", "machine-api")] == [uri, uri]
    s3 = pipeline.sandbox.client("s3")
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{prefix}bundle.json")["Body"].read())
    assert prefix == f"bundles/{manifest['digest']}/"
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    assert {one["Key"].removeprefix(prefix) for one in listed} == {*manifest["files"], "bundle.json"}
    assert pipeline.told()[-1]["status"] == "served"
    assert pipeline.told()[-1]["bundle"] == uri


def test_what_the_jobs_printed_is_in_cloudwatch_logs(pipeline: Pipeline, first: dict[str, Any]) -> None:
    logs = pipeline.sandbox.client("logs")
    events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    lines = "\n".join(event["message"] for event in events)
    assert "python -m neuron_build package tiny-sdxl" in lines
    assert "python -m neuron_build verify" in lines


def test_a_source_that_is_not_there_is_told_and_changes_nothing(
    pipeline: Pipeline, first: dict[str, Any]
) -> None:
    before = pipeline.pointer()
    ended = pipeline.ended(pipeline.start(source="s3://nowhere-at-all/weights/"))
    assert (ended["status"], ended["error"]) == ("FAILED", "BuildFailed")
    assert "nowhere-at-all" in json.loads(ended["cause"])["FailureReason"]
    assert pipeline.pointer() == before == pipeline.served("machine-inference")
    assert (pipeline.told()[-1]["status"], pipeline.told()[-1]["error"]) == ("failed", "States.TaskFailed")


def test_what_a_campaign_cant_do_is_refused_at_once(pipeline: Pipeline) -> None:
    for asked in ({"recipe": "sdxl"}, {"pictures": "s3://brand/mark/", "source": "s3://weights/"}):
        ended = pipeline.ended(pipeline.start(**asked))
        assert (ended["status"], ended["error"]) == ("FAILED", "BuildFailed")
        assert pipeline.told()[-1]["error"] == "RequestRefused"


def test_stacks_that_dont_take_a_bundle_are_put_back_to_the_one_before(
    pipeline: Pipeline, first: dict[str, Any]
) -> None:
    before = pipeline.pointer()
    half = pipeline._machine("half-build", ["machine-inference", "machine-gone"])
    ended = pipeline.ended(pipeline.start(half, name="another"))
    assert (ended["status"], ended["error"]) == ("FAILED", "BuildFailed")
    assert "machine-gone" in ended["cause"]
    assert pipeline.pointer() == before
    assert pipeline.served("machine-inference") == before
    assert pipeline.told()[-1]["error"] == "StackUpdateRefused"


def test_a_build_with_pictures_fine_tunes_first(
    pipeline: Pipeline, first: dict[str, Any], tmp_path: Path
) -> None:
    write_pictures(tmp_path, 4, Size(64, 64), seed=1)
    machine = pipeline._machine("tuning-build", ["machine-inference"], fine_tunes=True)
    ended = pipeline.ended(
        pipeline.start(
            machine,
            source=pipeline.upload(REPOSITORY / "model_artifacts" / "models" / "tiny-sdxl", "weights/tiny"),
            pictures=pipeline.upload(tmp_path, "brand/mark"),
            steps=2,
            rank=2,
        )
    )
    assert ended["status"] == "SUCCEEDED", ended
    uri = json.loads(ended["output"])["bundle"]
    assert uri != json.loads(first["output"])["bundle"]
    assert pipeline.served("machine-inference") == pipeline.pointer() == uri
    events = pipeline.sandbox.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")
    assert any("python -m training lora" in event["message"] for event in events["events"])


def test_a_build_that_is_stopped_stops_its_job(pipeline: Pipeline) -> None:
    sagemaker = pipeline.sandbox.client("sagemaker")
    execution = pipeline.start()

    def jobs(status: str) -> list[Any]:
        found: list[Any] = sagemaker.list_training_jobs(StatusEquals=status)["TrainingJobSummaries"]
        return found

    (job,) = eventually(lambda: jobs("InProgress"), "the job to run", seconds=60)
    pipeline.states.stop_execution(executionArn=execution)
    eventually(
        lambda: job["TrainingJobName"] in [one["TrainingJobName"] for one in jobs("Stopped")], seconds=60
    )
    assert pipeline.ended(execution)["status"] == "ABORTED"
