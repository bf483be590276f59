"""What a platform engineer sees of an endpoint's life, through the API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import sagemaker_backends

from darkroom.sandbox import sagemaker
from darkroom.sandbox.sagemaker import worker_pool
from tests.darkroom.sandbox.sagemaker.conftest import BUCKET, REGION, ROLE, Aws
from tests.eventually import eventually


def variant(described: dict[str, Any]) -> tuple[int, int]:
    [only] = described["ProductionVariants"]
    return only["CurrentInstanceCount"], only["DesiredInstanceCount"]


def test_an_endpoint_is_creating_until_its_instances_have_loaded_the_model(aws: Aws) -> None:
    aws.make_model(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    aws.make_endpoint(model="model", wait=False)
    assert aws.describe()["EndpointStatus"] == "Creating"

    described = aws.wait_in_service()

    assert described["EndpointStatus"] == "InService"
    assert variant(described) == (1, 1)
    [endpoint] = sagemaker.endpoints()
    assert len(endpoint.instances[0].workers.pids) == 2
    assert endpoint.history[0][1] == 0
    assert endpoint.history[-1][1] == 1


def test_a_model_that_does_not_load_fails_the_endpoint_with_the_reason(aws: Aws) -> None:
    aws.make_model(weights="broken")
    aws.make_endpoint(model="model", wait=False)

    described = aws.wait_in_service()

    assert described["EndpointStatus"] == "Failed"
    assert "the weights are broken" in described["FailureReason"]
    assert aws.context.processes.living() == []


def test_a_missing_topic_fails_the_endpoint_with_the_reason(aws: Aws) -> None:
    aws.client("sns").delete_topic(TopicArn=aws.topic("error"))
    aws.make_endpoint(wait=False)

    described = aws.wait_in_service()

    assert described["EndpointStatus"] == "Failed"
    assert aws.topic("error") in described["FailureReason"]


def test_the_autoscaler_takes_an_endpoint_to_zero_and_back(aws: Aws) -> None:
    aws.make_endpoint()
    backend = sagemaker_backends["123456789012"][REGION]

    backend.update_endpoint_weights_and_capacities(
        "demo", [{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}]
    )
    described = aws.wait_in_service()
    assert variant(described) == (0, 0)
    eventually(lambda: not aws.context.processes.living(), "the workers to end")

    aws.set_capacity(2)
    assert aws.describe()["EndpointStatus"] == "Updating"
    assert variant(aws.describe())[1] == 2
    assert variant(aws.wait_in_service()) == (2, 2)
    assert [count for _, count in sagemaker.endpoints()[0].history][-1] == 2


def test_a_capacity_change_supersedes_one_under_way(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(3)
    aws.set_capacity(0)
    assert variant(aws.wait_in_service()) == (0, 0)


def test_requests_wait_at_zero_instances_and_none_is_lost(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    accepted = [aws.post({"number": number}) for number in range(3)]
    assert sagemaker.endpoints()[0].backlog.waiting == 3

    aws.set_capacity(1)

    results = [aws.result_of(one) for one in accepted]
    assert [result["invocationStatus"] for result in results] == ["Completed"] * 3


def test_scaling_in_finishes_what_runs(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.post({"sleep": 0.6})
    eventually(aws.begun, "the inference to begin")

    aws.set_capacity(0)

    assert aws.result_of(accepted)["invocationStatus"] == "Completed"
    eventually(lambda: not aws.context.processes.living(), "the workers to end")


def test_scaling_in_kills_what_runs_longer_than_the_grace(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "GRACE_SECONDS", 0.5)
    aws.make_endpoint()
    accepted = aws.post({"sleep": 60})
    eventually(aws.begun, "the inference to begin")

    aws.set_capacity(0)

    assert "server error (500)" in aws.result_of(accepted)["failureReason"]
    eventually(lambda: not aws.context.processes.living(), "the workers to end")


def test_scaling_in_gives_back_what_no_worker_has_begun(aws: Aws) -> None:
    aws.make_endpoint(concurrency=2)
    first, second = aws.post({"sleep": 4}), aws.post({})
    [endpoint] = sagemaker.endpoints()
    eventually(lambda: aws.begun() and endpoint.backlog.in_flight == 2, "the instance to take both")

    aws.set_capacity(0)

    assert aws.result_of(first)["invocationStatus"] == "Completed"
    eventually(lambda: endpoint.backlog.waiting == 1, "the second to wait for an instance")
    aws.set_capacity(1)
    assert aws.result_of(second)["invocationStatus"] == "Completed"


def test_an_instance_takes_the_start_up_time_of_the_sandbox_clock(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    slow = aws.context.settings.__class__(
        port=0, state=aws.context.settings.state, instance_start_seconds=600
    )
    aws.context.settings = slow
    aws.context.clock.speed = 1000
    began = aws.context.clock.now()

    aws.set_capacity(1)
    aws.wait_in_service()

    assert sagemaker.endpoints()[0].history[-1][0] - began >= 600


def test_an_update_keeps_the_count_and_serves_with_the_new_model(aws: Aws) -> None:
    aws.make_endpoint(count=1)
    aws.set_capacity(2)
    aws.wait_in_service()
    aws.make_model("model-2", weights="better")
    aws.make_config("config-2", model="model-2", count=1)

    running = aws.post({"sleep": 0.3})
    aws.client("sagemaker").update_endpoint(
        EndpointName="demo", EndpointConfigName="config-2", RetainAllVariantProperties=True
    )
    described = aws.describe()
    assert described["EndpointStatus"] == "Updating"
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == "config-2"
    queued = [aws.post({"number": number}) for number in range(5)]

    described = aws.wait_in_service()
    assert described["EndpointConfigName"] == "config-2"
    assert variant(described) == (2, 2)
    for accepted in (running, *queued):
        assert aws.result_of(accepted)["invocationStatus"] == "Completed"
    assert b'"model": "better"' in aws.read(
        aws.result_of(aws.post({}))["responseParameters"]["outputLocation"]
    )


def test_an_update_at_zero_instances_that_retains_the_count_stays_at_zero(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    aws.make_config("config-2", model="demo-model", count=3)
    aws.client("sagemaker").update_endpoint(
        EndpointName="demo", EndpointConfigName="config-2", RetainAllVariantProperties=True
    )
    described = aws.wait_in_service()
    assert described["EndpointConfigName"] == "config-2"
    assert variant(described) == (0, 0)


def test_an_update_that_does_not_retain_starts_the_initial_count(aws: Aws) -> None:
    aws.make_endpoint()
    aws.make_config("config-2", model="demo-model", count=2)
    aws.client("sagemaker").update_endpoint(EndpointName="demo", EndpointConfigName="config-2")
    assert variant(aws.wait_in_service()) == (2, 2)


def test_an_update_that_does_not_start_is_rolled_back_and_says_why(aws: Aws) -> None:
    aws.make_endpoint()
    aws.make_model("model-2", weights="broken")
    aws.make_config("config-2", model="model-2")
    aws.client("sagemaker").update_endpoint(EndpointName="demo", EndpointConfigName="config-2")

    described = aws.wait_in_service()

    assert described["EndpointConfigName"] == "demo-config"
    assert "the weights are broken" in described["FailureReason"]
    assert aws.result_of(aws.post({}))["invocationStatus"] == "Completed"


def test_an_endpoint_in_creation_takes_no_other_change(aws: Aws) -> None:
    aws.make_endpoint(wait=False)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        aws.set_capacity(2)
    aws.wait_in_service()


def test_deleting_an_endpoint_ends_its_workers_and_drops_its_requests(aws: Aws) -> None:
    aws.make_endpoint()
    for _ in range(3):
        aws.post({"sleep": 5})
    eventually(aws.begun, "the inference to begin")

    aws.client("sagemaker").delete_endpoint(EndpointName="demo")

    assert aws.context.processes.living() == []
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert aws.notifications() == []
    with pytest.raises(ClientError, match="Could not find"):
        aws.describe()


def test_two_endpoints_serve_side_by_side(aws: Aws) -> None:
    aws.make_endpoint("spring", wait=False)
    aws.make_endpoint("autumn", wait=False)
    aws.wait_in_service("spring")
    aws.wait_in_service("autumn")
    for name in ("spring", "autumn"):
        result = aws.result_of(aws.post({}, endpoint=name))
        assert result["requestParameters"]["endpointName"] == name


def test_every_change_of_capacity_publishes_a_test_notification(aws: Aws) -> None:
    aws.make_endpoint()
    assert len(aws.notifications("TestNotification")) == 2
    aws.set_capacity(2)
    aws.wait_in_service()
    eventually(lambda: len(aws.notifications("TestNotification")) == 4, "two more test notifications")
    assert aws.notifications("InferenceResult") == []


def test_a_lost_worker_is_replaced(aws: Aws) -> None:
    aws.make_endpoint()
    [endpoint] = sagemaker.endpoints()
    [before] = endpoint.instances[0].workers.pids
    assert aws.result_of(aws.post({"exit": True}))["invocationStatus"] == "Failed"
    [after] = eventually(lambda: endpoint.instances[0].workers.pids, "a new worker")
    assert after != before
    assert aws.result_of(aws.post({}))["invocationStatus"] == "Completed"


def test_stopping_the_sandbox_ends_every_worker(aws: Aws) -> None:
    aws.make_endpoint()
    [pid] = sagemaker.endpoints()[0].instances[0].workers.pids
    for stop in aws.context.on_stop:
        stop()
    assert not psutil.pid_exists(pid)


def test_the_model_sees_its_own_environment_and_nothing_of_the_users(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    aws.make_model(MODEL_SETTING="7")
    aws.make_endpoint(model="model")
    [pid] = sagemaker.endpoints()[0].instances[0].workers.pids
    environment = psutil.Process(pid).environ()
    assert environment["MODEL_SETTING"] == "7"
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert Path(environment["SM_MODEL_DIR"]).is_relative_to(aws.context.settings.state)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "mine"


def test_a_model_without_its_data_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="Could not find model data at s3://campaign-bucket/nothing/"):
        aws.client("sagemaker").create_model(
            ModelName="empty",
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "ModelDataSource": {
                    "S3DataSource": {
                        "S3Uri": f"s3://{BUCKET}/nothing/",
                        "S3DataType": "S3Prefix",
                        "CompressionType": "None",
                    }
                }
            },
        )


@pytest.mark.parametrize(
    ("variants", "refusal"),
    [
        ([{}, {"VariantName": "Other"}], "more than one production variant"),
        (
            [{"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}],
            "ServerlessConfig of a production variant",
        ),
    ],
)
def test_what_the_sandbox_does_not_play_is_refused_by_name(
    aws: Aws, variants: list[dict[str, Any]], refusal: str
) -> None:
    aws.make_model()
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "model",
        "InstanceType": "ml.inf2.xlarge",
        "InitialInstanceCount": 1,
    }
    with pytest.raises(ClientError, match=f"sandbox does not play {refusal}"):
        aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName="unplayed", ProductionVariants=[variant | changes for changes in variants]
        )


def test_an_unknown_instance_type_is_refused_and_inf2_is_known(aws: Aws) -> None:
    aws.make_model()
    aws.make_config()
    described = aws.client("sagemaker").describe_endpoint_config(EndpointConfigName="config")
    assert described["ProductionVariants"][0]["InstanceType"] == "ml.inf2.xlarge"
    described["ProductionVariants"][0]["InstanceType"] = "ml.inf9.huge"
    with pytest.raises(ClientError, match=r"productionVariants\.1\.member\.instanceType.*enum value set"):
        aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName="other",
            ProductionVariants=described["ProductionVariants"],
            AsyncInferenceConfig=described["AsyncInferenceConfig"],
        )
