"""What an endpoint publishes to CloudWatch, minute by minute."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox import sagemaker
from darkroom.sandbox.sagemaker.backlog import BacklogState
from darkroom.sandbox.sagemaker.metrics import endpoint_data, host_data
from tests.darkroom.sandbox.sagemaker.conftest import Aws
from tests.eventually import eventually

MINUTE = 1_700_000_040  # any minute
ENDPOINT = [{"Name": "EndpointName", "Value": "demo"}]
VARIANT = [*ENDPOINT, {"Name": "VariantName", "Value": "AllTraffic"}]
CONFIG = [*VARIANT, {"Name": "EndpointConfigName", "Value": "demo-config"}]


def statistics(
    aws: Aws, namespace: str, name: str, dimensions: list[dict[str, str]]
) -> dict[str, Any] | None:
    start = datetime.fromtimestamp(MINUTE, UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=dimensions,
        StartTime=start,
        EndTime=start + timedelta(seconds=60),
        Period=60,
        Statistics=["SampleCount", "Sum", "Average"],
    )["Datapoints"]
    return points[0] if points else None


def publish(minute: float = MINUTE) -> None:
    sagemaker.endpoints()[0].publish_metrics(minute)


def test_the_samples_of_the_host_metrics_count_the_instances(aws: Aws) -> None:
    aws.make_endpoint(count=2)
    publish()
    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        found = statistics(aws, "/aws/sagemaker/Endpoints", name, VARIANT)
        assert found is not None
        assert found["SampleCount"] == 2


def test_each_metric_has_exactly_the_dimensions_that_aws_gives_it(aws: Aws) -> None:
    aws.make_endpoint()
    aws.result_of(aws.post({}))
    eventually(lambda: sagemaker.endpoints()[0].backlog.size == 0, "an empty backlog")
    publish()
    every = aws.client("cloudwatch").list_metrics()["Metrics"]
    listed = [one for one in every if one["Namespace"] in ("AWS/SageMaker", "/aws/sagemaker/Endpoints")]
    by_variant = {metric["MetricName"] for metric in listed if metric["Dimensions"] == VARIANT}
    by_endpoint = {metric["MetricName"] for metric in listed if metric["Dimensions"] == ENDPOINT}
    # In no particular order.
    by_config = {metric["MetricName"] for metric in listed if len(metric["Dimensions"]) == len(CONFIG)}
    assert all(
        metric["Dimensions"] in (VARIANT, ENDPOINT) or all(one in CONFIG for one in metric["Dimensions"])
        for metric in listed
    )
    assert by_config == {"Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency"}
    assert by_variant.isdisjoint(by_endpoint)
    assert by_endpoint == {
        "ApproximateBacklogSize",
        "ApproximateBacklogSizePerInstance",
        "ApproximateAgeOfOldestRequest",
        "HasBacklogWithoutCapacity",
    }
    assert {"CPUUtilization", "InvocationsProcessed", "TimeInBacklog", "ModelLatency"} <= by_variant


def test_there_are_no_host_metrics_without_instances(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    publish()
    assert statistics(aws, "/aws/sagemaker/Endpoints", "CPUUtilization", VARIANT) is None


def test_cpu_utilization_is_what_the_workers_burnt(aws: Aws) -> None:
    aws.make_endpoint()
    publish(MINUTE - 60)
    aws.result_of(aws.post({"burn": 0.4}))
    publish()
    found = statistics(aws, "/aws/sagemaker/Endpoints", "CPUUtilization", VARIANT)
    assert found is not None
    assert 5 < found["Average"] <= 110


def test_a_backlog_without_capacity_is_told_until_there_is_capacity(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    accepted = aws.post({})
    publish()
    told = statistics(aws, "AWS/SageMaker", "HasBacklogWithoutCapacity", ENDPOINT)
    assert told is not None
    assert told["Average"] == 1
    assert statistics(aws, "AWS/SageMaker", "ApproximateBacklogSizePerInstance", ENDPOINT) is None

    aws.set_capacity(1)
    aws.result_of(accepted)
    eventually(lambda: sagemaker.endpoints()[0].backlog.size == 0, "an empty backlog")
    publish(MINUTE)
    told = statistics(aws, "AWS/SageMaker", "HasBacklogWithoutCapacity", ENDPOINT)
    assert told is not None
    assert (told["Sum"], told["SampleCount"]) == (1, 2)


def test_requests_are_counted_by_what_became_of_them(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = [aws.post({}), aws.post({}), aws.post({"bad": True}), aws.post({"exit": True})]
    for one in accepted:
        aws.result_of(one)
    samples = sagemaker.endpoints()[0]
    eventually(lambda: samples.backlog.size == 0, "an empty backlog")
    publish()

    def summed(name: str) -> float:
        found = statistics(aws, "AWS/SageMaker", name, VARIANT)
        return found["Sum"] if found else 0

    assert summed("InvocationsProcessed") == 4
    assert summed("InvocationFailures") == 2
    assert summed("Invocation4XXErrors") == 1
    assert summed("Invocation5XXErrors") == 1
    assert summed("ExpiredRequests") == 0
    assert summed("ModelLatency") > 0
    assert summed("TimeInBacklog") > 0


def test_the_sandbox_publishes_each_minute_and_shows_its_endpoints(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.post({}, InferenceId="job-1")
    aws.result_of(accepted)
    began = aws.context.clock.now()
    ticker = threading.Thread(target=aws.context.run_ticks)
    ticker.start()
    aws.context.clock.speed = 100

    def published() -> list[Any]:
        points: list[Any] = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="HasBacklogWithoutCapacity",
            Dimensions=ENDPOINT,
            StartTime=datetime.fromtimestamp(began - 60, UTC),
            EndTime=datetime.fromtimestamp(began + 300, UTC),
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
        return points

    eventually(lambda: len(published()) >= 3, "a point of each of three minutes")
    aws.context.stopping.set()
    ticker.join()
    points = published()
    assert all(point["Timestamp"].second == 0 for point in points)

    answered: list[str] = []
    application = aws.context.mounts["/_darkroom/endpoints"]
    body = b"".join(application({"REQUEST_METHOD": "GET"}, lambda status, _: answered.append(status)))
    [shown] = json.loads(body)
    assert answered == ["200 OK"]
    assert shown["name"] == "demo"
    assert shown["backlog"] == 0
    assert shown["inferences"] == 1
    assert shown["by_inference_id"] == {"job-1": 1}
    [instance] = shown["instances"]
    assert instance["status"] == "InService"
    assert len(instance["workers"]) == 1


@given(waiting=st.integers(0, 50), in_flight=st.integers(0, 50), in_service=st.integers(0, 10))
def test_the_queue_metrics_follow_their_definitions(waiting: int, in_flight: int, in_service: int) -> None:
    oldest = 100.0 if waiting + in_flight else None
    data = endpoint_data("demo", BacklogState(waiting, in_flight, oldest), in_service, 160.0)
    values = {datum["MetricName"]: datum["Values"][0] for datum in data}
    assert all(datum["Dimensions"] == ENDPOINT for datum in data)
    assert values["ApproximateBacklogSize"] == waiting + in_flight
    assert values["ApproximateAgeOfOldestRequest"] == (60 if oldest else 0)
    assert values["HasBacklogWithoutCapacity"] == (1 if waiting and not in_service else 0)
    assert ("ApproximateBacklogSizePerInstance" in values) == (in_service > 0)
    if in_service:
        assert values["ApproximateBacklogSizePerInstance"] * in_service == (
            pytest.approx(waiting + in_flight)
        )


def test_no_hosts_give_no_host_metrics() -> None:
    assert host_data("demo", "AllTraffic", []) == []
