"""One fault after another, in a sandbox with the real functions, endpoint and model: all ends rightly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from darkroom.operations.redrive import redrive
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.troubled_requests import (
    PAST_ALL_TIMES,
    all_drawn,
    allow_sns,
    ask,
    drawn_once,
    forbid_sns,
    said,
    wait,
)
from tests.eventually import eventually

pytestmark = pytest.mark.e2e

_OFF: dict[str, Any] = {
    "duplicate_invocations": False,
    "drop_notifications": 0,
    "duplicate_notifications": 0,
    "delay_notifications": 0,
    "kill_workers": 0,
    "stall_workers": 0,
    "container_errors": 0,
    "lose_instances": 0,
    "fail_model_loads": 0,
    "poison": "",
    "clock_skew": {},
    "calls": [],
}


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demo with short times to wait, in a sandbox of its own: a minute is two seconds."""
    folder = tmp_path_factory.mktemp("campaigns")
    write_campaign(
        folder,
        "troubled",
        endpoint={"request_time_to_live": "10m", "invocation_timeout": "20s"},
        scaling={"min_instances": 0, "max_instances": 2, "scale_in_cooldown": "30m"},
    )
    with SandboxProcess(speed=30, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=folder)
        cdk.bootstrap()
        cdk.deploy("troubled/*", campaign="troubled")
        deployed = Deployment(sandbox, "troubled")
        _least(deployed, 1)
        # A test that is run by itself may not count on one before it to have waited.
        eventually(lambda: _serves(deployed), "an instance is in service", seconds=120, every=0.5)
        yield deployed


def _serves(deployed: Deployment) -> bool:
    return any(one["status"] == "InService" for one in deployed.endpoint()["instances"])


@pytest.fixture(autouse=True)
def no_fault_is_left(troubled: Deployment) -> Iterator[None]:
    yield
    troubled.sandbox.inject(**_OFF)


def test_a_model_that_does_not_load_at_first(troubled: Deployment) -> None:
    _least(troubled, 0)
    _in_service(troubled)
    _resize(troubled, 0)
    eventually(lambda: not troubled.endpoint()["instances"], "no instance is there", seconds=60)
    troubled.sandbox.inject(fail_model_loads=1)
    ids = ask(troubled, "late start", 2)
    describe = troubled.client("sagemaker").describe_endpoint
    eventually(
        lambda: "did not load" in describe(EndpointName=troubled.name).get("FailureReason", ""),
        "the endpoint says why",
        seconds=180,
    )
    all_drawn(troubled, ids, 240)
    drawn_once(troubled, ids)
    assert troubled.sandbox.faults()["fail_model_loads"] == 0
    _least(troubled, 1)


def _least(troubled: Deployment, count: int) -> None:
    """Keep ``count`` instances at least, so that a test need not wait for one."""
    troubled.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{troubled.name}/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=count,
        MaxCapacity=2,
    )


def _resize(troubled: Deployment, count: int) -> None:
    troubled.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=troubled.name,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
    )


def test_every_service_throttles(troubled: Deployment) -> None:
    half = {"probability": 0.4, "seed": 7}
    calls = [
        {"kind": "throttle", "service": one, "occasions": half} for one in ("dynamodb", "s3", "sagemaker")
    ]
    troubled.sandbox.inject(calls=calls)
    ids = ask(troubled, "slow down", 6)
    all_drawn(troubled, ids)
    assert all(one["occasions"]["hit"] for one in troubled.sandbox.faults()["calls"])


def test_the_endpoint_is_asked_too_much_for_a_while(troubled: Deployment) -> None:
    fault = {"kind": "throttle", "function": "Front", "service": "sagemaker", "occasions": 2}
    troubled.sandbox.inject(calls=[fault])
    ids = ask(troubled, "too many", 1)
    said(troubled, "front", "submission unconfirmed", ids[0], "ThrottlingException")
    all_drawn(troubled, ids)
    said(troubled, "reconciliation", "resubmitting", ids[0], "never accepted")


def test_answers_are_lost_after_the_work_was_done(troubled: Deployment) -> None:
    # Forty in all: each that hits reconciliation costs a job another minute of the wall's clock.
    chance = {"probability": 0.3, "seed": 3, "count": 40}
    troubled.sandbox.inject(calls=[{"kind": "lose-answer", "occasions": chance}])
    ids = ask(troubled, "no answer", 6)
    all_drawn(troubled, ids, seconds=240)


# Read, claim, payload, invocation, note; read or finish.
_POINTS = [("front", after) for after in range(5)] + [("completion", 0)]


def test_a_function_dies_at_every_call(troubled: Deployment) -> None:
    ids = []
    for kind in ("crash-before", "crash-after"):
        for function, after in _POINTS:
            troubled.sandbox.inject(calls=[{"kind": kind, "function": function, "after": after}])
            ids += ask(troubled, f"{kind} {function} {after}", 1)
            eventually(lambda: not troubled.sandbox.faults()["calls"][0]["occasions"], "it died", seconds=60)
    troubled.sandbox.inject(calls=[])
    all_drawn(troubled, ids)
    said(troubled, "front", "Runtime.ExitError")


def test_notifications_are_lost_doubled_and_late(troubled: Deployment) -> None:
    chance = {"probability": 0.4, "seed": 5}
    troubled.sandbox.inject(
        duplicate_invocations=True,
        drop_notifications=chance,
        duplicate_notifications=chance,
        delay_notifications=chance,
    )
    ids = ask(troubled, "hearsay", 8)
    all_drawn(troubled, ids)
    drawn_once(troubled, ids)


def test_workers_die_hang_and_fail(troubled: Deployment) -> None:
    for fault in ("kill_workers", "stall_workers", "container_errors"):
        # One after the other: three troubles on one job are the end of it.
        troubled.sandbox.inject(**{fault: 1})
        ids = ask(troubled, fault, 2)
        all_drawn(troubled, ids)
        drawn_once(troubled, ids)
        assert troubled.sandbox.faults()[fault] == 0
    said(troubled, "completion", "resubmitting", "error 500")
    said(troubled, "completion", "resubmitting", "no status")


def test_a_poisonous_request_fails_with_a_reason_and_takes_nobody_with_it(troubled: Deployment) -> None:
    troubled.sandbox.inject(poison="hemlock")
    [poisonous] = ask(troubled, "a glass of hemlock", 1)
    ids = ask(troubled, "a glass of milk", 5)
    all_drawn(troubled, ids)
    [job] = wait(troubled, [poisonous])
    assert job["status"] == "failed"
    assert job["reason"] == "Given up after 3 attempts. The model answered with an error (500)."
    said(troubled, "completion", "job failed", poisonous)


def test_clocks_are_off_by_minutes(troubled: Deployment) -> None:
    troubled.sandbox.inject(clock_skew={"Completion": 240, "Front": -240})
    ids = ask(troubled, "what time is it", 6)
    all_drawn(troubled, ids, skew={"Completion": 240, "Front": -240, "Reconciliation": 300})


def test_the_fleet_shrinks_and_changes_under_load(troubled: Deployment) -> None:
    sagemaker = troubled.client("sagemaker")
    ids = ask(troubled, "on the move", 15)
    for count in (2, 1):
        _in_service(troubled)
        _resize(troubled, count)
    _in_service(troubled)
    config = sagemaker.describe_endpoint(EndpointName=troubled.name)["EndpointConfigName"]
    more = ask(troubled, "on the move again", 10)
    sagemaker.update_endpoint(
        EndpointName=troubled.name, EndpointConfigName=config, RetainAllVariantProperties=True
    )
    all_drawn(troubled, [*ids, *more])
    _in_service(troubled)


def _in_service(troubled: Deployment) -> None:
    sagemaker = troubled.client("sagemaker")
    eventually(
        lambda: sagemaker.describe_endpoint(EndpointName=troubled.name)["EndpointStatus"] == "InService",
        "the endpoint is in service",
        seconds=90,
    )


def test_what_a_lost_instance_had_in_hand_is_drawn_again_by_its_deadline(troubled: Deployment) -> None:
    troubled.sandbox.inject(lose_instances=1)
    ids = ask(troubled, "gone with the instance", 1)
    eventually(lambda: troubled.sandbox.faults()["lose_instances"] == 0, "it is lost", seconds=60)
    # Nobody says a word: only past time to live and time-out is it certain.
    all_drawn(troubled, ids, skew=PAST_ALL_TIMES)
    drawn_once(troubled, ids)
    said(troubled, "reconciliation", "resubmitting", ids[0], "overdue")


def test_dead_letters_of_every_kind_are_handed_over_and_their_jobs_end(troubled: Deployment) -> None:
    events = troubled.client("events")
    # Reconciliation would mend it all by itself within minutes: the schedule is lost, too.
    rules = [one["Name"] for one in events.list_rules()["Rules"] if "troubled" in one["Name"]]
    for rule in rules:
        events.disable_rule(Name=rule)
    # What the tests before left there is not counted.
    troubled.client("sqs").purge_queue(QueueUrl=_dead_letters(troubled))
    # Two notifications can't be handed over, two kill the function three times over.
    taken = forbid_sns(troubled)
    forbidden = ask(troubled, "forbidden", 2)
    _letters(troubled, 2)
    allow_sns(troubled, taken)
    troubled.sandbox.inject(calls=[{"kind": "crash-before", "function": "Completion", "occasions": 6}])
    fatal = ask(troubled, "fatal", 2)
    _letters(troubled, 4)
    assert {job["status"] for job in wait_none(troubled, [*forbidden, *fatal])} == {"queued"}

    seen: list[tuple[str, str]] = []
    dry = redrive(
        troubled.name, lambda one, said: seen.append((one.kind, said)), dry_run=True, session=troubled
    )
    assert dry.jobs == {*forbidden, *fatal}
    assert sorted(seen) == [("event", "for completion")] * 2 + [("notification", "for completion")] * 2
    tally = redrive(troubled.name, lambda *_: None, session=troubled)
    assert tally.counts == {"handed over": 4}

    all_drawn(troubled, [*forbidden, *fatal])
    drawn_once(troubled, [*forbidden, *fatal])
    assert redrive(troubled.name, lambda *_: None, session=troubled).total == 0
    for rule in rules:
        events.enable_rule(Name=rule)


def wait_none(troubled: Deployment, ids: list[str]) -> list[Mapping[str, Any]]:
    return [troubled.api.job(one).body for one in ids]


def _dead_letters(troubled: Deployment) -> str:
    urls: list[str] = troubled.client("sqs").list_queues()["QueueUrls"]
    return next(url for url in urls if "DeadLetters" in url)


def _letters(troubled: Deployment, count: int) -> None:
    sqs, url = troubled.client("sqs"), _dead_letters(troubled)
    name = "ApproximateNumberOfMessages"

    def there() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        return int(found[name]) == count

    eventually(there, f"{count} dead letters", seconds=90)
