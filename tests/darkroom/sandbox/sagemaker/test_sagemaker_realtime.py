"""Real-time endpoints: they answer who calls, queue a little, and refuse the rest as AWS does."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox import sagemaker
from darkroom.sandbox.sagemaker import realtime
from tests.darkroom.sandbox.sagemaker.conftest import Aws
from tests.darkroom.sandbox.sagemaker.test_sagemaker_metrics import VARIANT, publish, statistics
from tests.eventually import eventually


def make_endpoint(aws: Aws, *, count: int = 1, routing: str | None = None, **environment: str) -> None:
    """A real-time endpoint called demo."""
    variant: dict[str, Any] = {
        "VariantName": "AllTraffic",
        "ModelName": aws.make_model("demo-model", **environment),
        "InstanceType": "ml.inf2.xlarge",
        "InitialInstanceCount": count,
    }
    if routing is not None:
        variant["RoutingConfig"] = {"RoutingStrategy": routing}
    client = aws.client("sagemaker")
    client.create_endpoint_config(EndpointConfigName="demo-config", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="demo", EndpointConfigName="demo-config")
    assert aws.wait_in_service()["EndpointStatus"] == "InService"


def call(aws: Aws, payload: dict[str, Any], endpoint: str = "demo", **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        Body=json.dumps(payload).encode(),
        ContentType="application/json",
        Accept="application/json",
        **options,
    )
    return answer


def refused(aws: Aws, payload: dict[str, Any], **options: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(aws, payload, **options)
    response: dict[str, Any] = dict(caught.value.response)
    return response


def test_a_call_is_answered_with_what_the_model_said(aws: Aws) -> None:
    make_endpoint(aws)
    answer = call(aws, {"number": 7}, InferenceId="job-7")
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads(answer["Body"].read())["echo"] == {"number": 7}
    assert sagemaker.endpoints()[0].drawn == {"job-7": 1}
    assert "AsyncInferenceConfig" not in aws.describe()


@pytest.mark.parametrize(
    ("payload", "status", "told"),
    [({"bad": True}, 400, "the payload is bad"), ({"exit": True}, 500, "in the middle of an inference")],
)
def test_a_models_error_is_a_424_with_what_it_said(
    aws: Aws, payload: dict[str, Any], status: int, told: str
) -> None:
    make_endpoint(aws)
    response = refused(aws, payload)
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert told in response["OriginalMessage"]
    assert response["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/demo")
    assert response["Error"]["Message"].startswith("Received ")


def test_a_worker_that_died_is_replaced_and_the_next_call_answered(aws: Aws) -> None:
    make_endpoint(aws)
    assert refused(aws, {"exit": True})["OriginalStatusCode"] == 500
    assert call(aws, {})["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_more_than_workers_and_queue_hold_is_refused_by_the_container(aws: Aws) -> None:
    make_endpoint(aws, MMS_JOB_QUEUE_SIZE="1")
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(call, aws, {"sleep": 2}) for _ in range(2)]
        eventually(lambda: sagemaker.endpoints()[0].backlog.size == 2, "two calls")
        response = refused(aws, {})
        assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 503)
        assert "ServiceUnavailableException" in response["OriginalMessage"]
        assert [one.result()["ResponseMetadata"]["HTTPStatusCode"] for one in held] == [200, 200]


def test_who_waited_too_long_is_told_and_the_model_draws_on(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_endpoint(aws)
    monkeypatch.setattr(realtime, "LIMIT_SECONDS", 0.2)
    response = refused(aws, {"sleep": 2}, InferenceId="slow")
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)
    assert "Your invocation timed out" in response["OriginalMessage"]
    assert sagemaker.endpoints()[0].backlog.size == 1
    eventually(lambda: sagemaker.endpoints()[0].drawn == {"slow": 1}, "the picture that nobody waits for")


def test_each_kind_of_endpoint_refuses_the_others_call(aws: Aws) -> None:
    make_endpoint(aws)
    with pytest.raises(ClientError, match="type REALTIME does not support this inference type") as caught:
        aws.post({})
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    aws.make_endpoint("queued", model="demo-model")
    response = refused(aws, {}, endpoint="queued")
    assert response["Error"]["Code"] == "ValidationError"
    assert "of type ASYNC does not support this inference type" in response["Error"]["Message"]


def test_a_real_time_endpoint_does_not_scale_to_zero(aws: Aws) -> None:
    make_endpoint(aws)
    with pytest.raises(ClientError, match="must be at least 1"):
        aws.set_capacity(0)


def test_an_instance_that_goes_answers_what_it_has(aws: Aws) -> None:
    make_endpoint(aws, count=2, routing="LEAST_OUTSTANDING_REQUESTS")
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(call, aws, {"sleep": 2}) for _ in range(2)]
        eventually(lambda: aws.begun() == 2, "two calls")
        assert [one.calls.count for one in sagemaker.endpoints()[0].instances] == [1, 1]
        aws.set_capacity(1)
        assert [one.result()["ResponseMetadata"]["HTTPStatusCode"] for one in held] == [200, 200]


def test_the_metrics_are_those_of_real_time_endpoints(aws: Aws) -> None:
    make_endpoint(aws, count=2)
    call(aws, {})
    refused(aws, {"bad": True})
    refused(aws, {"exit": True})
    publish()

    def of(name: str) -> dict[str, Any]:
        found = statistics(aws, "AWS/SageMaker", name, VARIANT)
        assert found is not None, name
        return found

    assert (of("Invocations")["Sum"], of("Invocations")["SampleCount"]) == (3, 3)
    # Each call counts 1 / instances: the sum is calls an instance.
    assert (of("InvocationsPerInstance")["Sum"], of("InvocationsPerInstance")["SampleCount"]) == (1.5, 3)
    assert of("Invocation4XXErrors")["Sum"] == 1
    assert of("Invocation5XXErrors")["Sum"] == 1
    assert of("InvocationModelErrors")["Sum"] == 2
    assert of("ModelLatency")["Average"] > 0
    names = {one["MetricName"] for one in aws.client("cloudwatch").list_metrics()["Metrics"]}
    assert not {name for name in names if "Backlog" in name or "InvocationsProcessed" in name}


def test_the_workers_of_an_instance_answer_side_by_side(aws: Aws) -> None:
    make_endpoint(aws, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(call, aws, {"sleep": 3})
        eventually(aws.begun, "the long call")
        quick = json.loads(call(aws, {})["Body"].read())
        assert not long.done()
        assert json.loads(long.result()["Body"].read())["pid"] != quick["pid"]
