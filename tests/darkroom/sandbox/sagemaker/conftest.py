"""A local AWS with SageMaker, and a model whose serving code does what the payload says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.sagemaker import urls
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime import urls as runtime_urls
from moto.server import ThreadedMotoServer

from darkroom.sandbox import cloudwatch, sagemaker
from darkroom.sandbox import context as sandbox
from darkroom.sandbox.context import Context, Settings
from tests.eventually import eventually

REGION = "us-west-2"
BUCKET = "campaign-bucket"
ROLE = "arn:aws:iam::123456789012:role/model"

# One session for all tests: it keeps the service models that it has read.
_session = boto3.Session()

SERVING_CODE = """
import json, os, time

print("a model that prints must not break its channel")

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model", "weights.txt")) as weights:
        text = weights.read()
    if text == "broken":
        raise RuntimeError("the weights are broken")
    return text

def input_fn(body, content_type):
    data = json.loads(body)
    if data.get("bad"):
        raise ValueError("the payload is bad")
    return data

def predict_fn(data, model):
    print("drawing", flush=True)
    time.sleep(data.get("sleep", 0))
    if data.get("boom"):
        raise RuntimeError("the model blew up")
    if data.get("exit"):
        os._exit(3)
    if data.get("burn"):
        end = time.process_time() + data["burn"]
        while time.process_time() < end:
            pass
    return {"model": model, "echo": data, "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}

def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


@dataclass
class Aws:
    """The local AWS and what a test does with it."""

    context: Context
    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = _session.client(
                service,
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                # The service must refuse what is wrong, not boto3 before it is sent.
                config=Config(parameter_validation=False),
            )
        return self.clients[service]

    def make_model(self, name: str = "model", weights: str = "good", **environment: str) -> str:
        prefix = f"bundles/{uuid.uuid4().hex}/"
        files = {"model/weights.txt": weights, "code/inference.py": SERVING_CODE}
        for path, text in files.items():
            self.client("s3").put_object(Bucket=BUCKET, Key=prefix + path, Body=text.encode())
        self.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": "123456789012.dkr.ecr.us-west-2.amazonaws.com/serving:1",
                "Environment": environment,
                "ModelDataSource": {
                    "S3DataSource": {
                        "S3Uri": f"s3://{BUCKET}/{prefix}",
                        "S3DataType": "S3Prefix",
                        "CompressionType": "None",
                    }
                },
            },
        )
        return name

    def make_config(
        self, name: str = "config", model: str = "model", count: int = 1, concurrency: int = 1
    ) -> str:
        self.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": model,
                    "InstanceType": "ml.inf2.xlarge",
                    "InitialInstanceCount": count,
                    "InferenceAmiVersion": "al2-ami-sagemaker-inference-neuron-2",
                    "VolumeSizeInGB": 64,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 60,
                }
            ],
            AsyncInferenceConfig={
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
                "OutputConfig": {
                    "S3OutputPath": f"s3://{BUCKET}/pictures",
                    "S3FailurePath": f"s3://{BUCKET}/failures/",
                    "NotificationConfig": {
                        "SuccessTopic": self.topic("success"),
                        "ErrorTopic": self.topic("error"),
                    },
                },
            },
        )
        return name

    def make_endpoint(self, name: str = "demo", *, wait: bool = True, **config: Any) -> str:
        if "model" not in config:
            config["model"] = self.make_model(f"{name}-model")
        self.make_config(f"{name}-config", **config)
        self.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config")
        if wait:
            self.wait_in_service(name)
        return name

    def topic(self, name: str) -> str:
        return f"arn:aws:sns:{REGION}:123456789012:{name}"

    def describe(self, endpoint: str = "demo") -> dict[str, Any]:
        described: dict[str, Any] = self.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        return described

    def wait_in_service(self, endpoint: str = "demo") -> dict[str, Any]:
        def settled() -> dict[str, Any] | None:
            described = self.describe(endpoint)
            return described if described["EndpointStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = eventually(settled, f"{endpoint} to settle")
        return described

    def set_capacity(self, count: int, endpoint: str = "demo") -> None:
        self.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
        )

    def post(self, payload: dict[str, Any], endpoint: str = "demo", **options: Any) -> dict[str, Any]:
        key = f"payloads/{uuid.uuid4().hex}.json"
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(payload).encode())
        accepted: dict[str, Any] = self.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=endpoint,
            InputLocation=f"s3://{BUCKET}/{key}",
            ContentType="application/json",
            Accept="application/json",
            **options,
        )
        return accepted

    def notifications(self, event: str = "InferenceResult") -> list[dict[str, Any]]:
        """What the endpoint's topics have published so far."""
        received = self.client("sqs").receive_message(
            QueueUrl=f"{self.url}/123456789012/inbox", MaxNumberOfMessages=10
        )
        for message in received.get("Messages", []):
            self.messages.append(json.loads(json.loads(message["Body"])["Message"]))
            self.client("sqs").delete_message(
                QueueUrl=f"{self.url}/123456789012/inbox", ReceiptHandle=message["ReceiptHandle"]
            )
        return [message for message in self.messages if message["eventName"] == event]

    def begun(self) -> int:
        """How many inferences the models have begun; a request is in flight a little before."""
        logs = self.context.settings.state.rglob("logs/*/*.log")
        return sum(log.read_text().count("drawing\n") for log in logs)

    def result_of(self, accepted: dict[str, Any]) -> dict[str, Any]:
        """Wait for the notification of one request."""

        def found() -> dict[str, Any] | None:
            mine = [m for m in self.notifications() if m["inferenceId"] == accepted["InferenceId"]]
            return mine[0] if mine else None

        result: dict[str, Any] = eventually(found, f"the result of {accepted['InferenceId']}")
        return result

    def read(self, location: str) -> bytes:
        bucket, key = location.removeprefix("s3://").split("/", 1)
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Where moto's server listens; what it serves is made anew for each test."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def _motos_own_sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give other tests moto's own SageMaker and CloudWatch back."""
    monkeypatch.setattr(cloudwatch_backends, "backend", cloudwatch_backends.backend)
    monkeypatch.setattr(sagemaker_backends, "backend", sagemaker_backends.backend)
    monkeypatch.setattr(urls, "url_paths", dict(urls.url_paths))
    monkeypatch.setattr(runtime_urls, "url_paths", dict(runtime_urls.url_paths))
    yield
    BackendDict.reset()


@pytest.fixture
def aws(_motos_own_sagemaker: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Aws]:
    """A local AWS whose instances start at once, with topics that post to one queue."""
    BackendDict.reset()
    context = Context(Settings(port=0, state=tmp_path, instance_start_seconds=0))
    sandbox.install(context)
    sagemaker.install(context)
    cloudwatch.install(context)  # moto's own takes a metric with one dimension more for the same
    # The server is started after install has changed moto's URL tables.
    local = Aws(context, request.getfixturevalue("url"))
    local.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    sending = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Policy": json.dumps({"Statement": [sending]})}
    local.client("sqs").create_queue(QueueName="inbox", Attributes=policy)
    for name in ("success", "error"):
        topic = local.client("sns").create_topic(Name=name)["TopicArn"]
        local.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:inbox"
        )
    yield local
    for stop in context.on_stop:
        stop()
    living = context.processes.living()
    context.processes.kill_all()
    assert living == []
