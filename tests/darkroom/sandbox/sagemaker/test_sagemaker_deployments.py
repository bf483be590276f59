"""Updates of an endpoint under deployment guardrails: they bake, and alarms take them back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox import sagemaker
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.sagemaker.configuration import UnplayedError
from darkroom.sandbox.sagemaker.deployment import deployment_from
from darkroom.sandbox.sagemaker.guardrails import Guardrails, Watch
from tests.darkroom.sandbox.sagemaker.conftest import REGION, ROLE, Aws
from tests.eventually import eventually

ALARM = "demo-update-errors"
GUARD = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]}}
ALL_AT_ONCE = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600},
        "TerminationWaitInSeconds": 600,
        "MaximumExecutionTimeoutInSeconds": 28800,
    }
}
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 600,
        "MaximumExecutionTimeoutInSeconds": 28800,
    }
}


def begin_update(aws: Aws, deployment: dict[str, Any], *, weights: str = "new", count: int = 1) -> None:
    """An endpoint of ``count`` instances, and an update of it under way."""
    aws.make_endpoint(count=count)
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Average",
        Period=60, EvaluationPeriods=1, Threshold=0.5, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    aws.make_model("model-2", weights=weights)
    aws.make_config("config-2", model="model-2", count=count)
    aws.client("sagemaker").update_endpoint(
        EndpointName="demo",
        EndpointConfigName="config-2",
        RetainAllVariantProperties=True,
        DeploymentConfig={**GUARD, **deployment},
    )


def go_off(aws: Aws) -> None:
    aws.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test")


def of_new_config() -> list[Any]:
    pending = sagemaker.endpoints()[0].pending
    return pending.in_service if pending else []


def drawn_with(aws: Aws) -> bytes:
    return aws.read(aws.result_of(aws.post({}))["responseParameters"]["outputLocation"])


@pytest.mark.parametrize("deployment", [ALL_AT_ONCE, ROLLING], ids=["all at once", "rolling"])
def test_a_good_update_bakes_and_stays(aws: Aws, deployment: dict[str, Any]) -> None:
    aws.context.clock.speed = 1000
    began = aws.context.clock.now()
    begin_update(aws, deployment)
    described = aws.wait_in_service()
    assert described["EndpointConfigName"] == "config-2"
    assert "FailureReason" not in described
    assert aws.context.clock.now() - began >= 600
    assert b'"new"' in drawn_with(aws)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("deployment", [ALL_AT_ONCE, ROLLING], ids=["all at once", "rolling"])
def test_an_alarm_takes_an_update_back_and_the_old_instances_serve_on(
    aws: Aws, deployment: dict[str, Any], count: int
) -> None:
    begin_update(aws, deployment, count=count)
    eventually(of_new_config, "an instance of the new configuration")
    queued = [aws.post({"number": number}) for number in range(4)]
    go_off(aws)
    described = aws.wait_in_service()
    assert described["EndpointConfigName"] == "demo-config"
    assert ALARM in described["FailureReason"]
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == count
    assert {aws.result_of(one)["invocationStatus"] for one in queued} == {"Completed"}
    assert b'"good"' in drawn_with(aws)
    eventually(lambda: len(sagemaker.endpoints()[0].instances) == count, "the new instances to be gone")


def test_while_all_at_once_bakes_the_old_instances_stand_by_without_traffic(aws: Aws) -> None:
    begin_update(aws, ALL_AT_ONCE)
    old, _ = eventually(lambda: two if len(two := sagemaker.endpoints()[0].instances) == 2 else None, "two")
    eventually(lambda: not old.takes_traffic, "the traffic to shift")
    for _ in range(3):
        assert b'"new"' in drawn_with(aws)
    assert len(sagemaker.endpoints()[0].instances) == 2
    aws.client("sagemaker").delete_endpoint(EndpointName="demo")


@pytest.mark.parametrize("instances", [1, 0])
def test_an_alarm_that_is_off_already_stops_an_update_before_it_takes_an_old_instance(
    aws: Aws, instances: int
) -> None:
    aws.make_endpoint("other")
    aws.set_capacity(instances, "other")
    aws.wait_in_service("other")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM, Namespace="Other", MetricName="Other", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    go_off(aws)
    aws.make_config("config-2", model="other-model")
    aws.client("sagemaker").update_endpoint(
        EndpointName="other", EndpointConfigName="config-2", DeploymentConfig={**GUARD, **ROLLING}
    )
    described = aws.wait_in_service("other")
    assert described["EndpointConfigName"] == "other-config"
    assert ALARM in described["FailureReason"]


def test_an_update_whose_alarms_its_role_may_not_look_at_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enforcement, "_enforcement", enforcement.Enforcement())
    account = ROLE.split(":")[4]
    reasons = [
        Watch(Guardrails(alarms), account, REGION, ROLE, Clock(1), threading.Event()).bake(0)
        for alarms in ((ALARM,), ())
    ]
    alarm = f"arn:aws:cloudwatch:{REGION}:{account}:alarm:{ALARM}"
    assert f"cloudwatch:DescribeAlarms on resource: {alarm}" in str(reasons[0])
    assert reasons[1] is None


def test_an_update_that_takes_too_long_is_taken_back(aws: Aws) -> None:
    aws.context.clock.speed = 1000
    rolling = {**ROLLING["RollingUpdatePolicy"], "MaximumExecutionTimeoutInSeconds": 600}
    begin_update(aws, {"RollingUpdatePolicy": {**rolling, "WaitIntervalInSeconds": 3600}})
    described = aws.wait_in_service()
    assert described["EndpointConfigName"] == "demo-config"
    assert "longer than 600 seconds" in described["FailureReason"]


def test_an_update_with_an_alarm_that_is_not_there_is_refused(aws: Aws) -> None:
    aws.make_endpoint()
    aws.make_config("config-2", model="demo-model")
    with pytest.raises(ClientError, match=f"Could not find CloudWatch alarms: {ALARM}"):
        aws.client("sagemaker").update_endpoint(
            EndpointName="demo", EndpointConfigName="config-2", DeploymentConfig={**GUARD, **ROLLING}
        )
    assert aws.describe()["EndpointStatus"] == "InService"


@pytest.mark.parametrize("kind", ["CANARY", "LINEAR"])
def test_what_is_not_played_is_refused_by_name(kind: str) -> None:
    with pytest.raises(UnplayedError, match=kind):
        deployment_from({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind}}})
