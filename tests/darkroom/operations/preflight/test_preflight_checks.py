"""Each check says ok where all is well, and what to do where it is not."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pytest
from botocore.response import StreamingBody

from darkroom.campaign import LocalBundle, RemoteBundle, Sources, load_campaign
from darkroom.operations.preflight import Finding, Situation, State
from darkroom.operations.preflight.access import guardrail, user_pool
from darkroom.operations.preflight.account import api_log_role, bootstrap, cost_tag, credentials
from darkroom.operations.preflight.finding import Check
from darkroom.operations.preflight.model import bundle, image
from darkroom.operations.preflight.money import budget, notifications
from darkroom.operations.preflight.names import kept, names, stacks
from darkroom.operations.preflight.quotas import endpoint_instances, function_concurrency, network
from tests.darkroom.operations.preflight.conftest import Answers, Situated

OK, WARNING, PROBLEM = State.OK, State.WARNING, State.PROBLEM
NAME = "ml.inf2.xlarge for endpoint usage"


def identity(account: str) -> Answers:
    return {"sts": [("get_caller_identity", {"Account": account})]}


def quota(service: str, name: str, value: float, **more: list[tuple[str, Any]]) -> Answers:
    found = {"Quotas": [{"QuotaName": "another", "Value": 1.0}, {"QuotaName": name, "Value": value}]}
    return {"service-quotas": [("list_service_quotas", found)], **more}


def fleet(quota_value: float, others: int = 0) -> Answers:
    listed: list[tuple[str, Any]] = [("list_endpoints", {"Endpoints": []})]
    if others:
        listed = [
            ("list_endpoints", {"Endpoints": [_summary("demo"), _summary("other")]}),
            (
                "describe_endpoint",
                {
                    **_summary("other"),
                    "EndpointConfigName": "c",
                    "ProductionVariants": [
                        {
                            "VariantName": "AllTraffic",
                            "CurrentInstanceCount": 0,
                            "DesiredInstanceCount": others,
                        }
                    ],
                },
            ),
            (
                "describe_endpoint_config",
                {
                    "EndpointConfigName": "c",
                    "EndpointConfigArn": "a" * 20,
                    "CreationTime": 0,
                    "ProductionVariants": [
                        {"VariantName": "AllTraffic", "InstanceType": "ml.inf2.xlarge"},
                        {"VariantName": "Other", "InstanceType": "ml.g5.xlarge"},
                    ],
                },
            ),
        ]
    return quota("sagemaker", NAME, quota_value, sagemaker=listed)


def _summary(name: str) -> dict[str, Any]:
    return {
        "EndpointName": name,
        "EndpointArn": f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name}",
        "EndpointStatus": "InService",
        "CreationTime": 0,
        "LastModifiedTime": 0,
    }


def zones(count: int, vpcs: int, **more: Any) -> Answers:
    return quota(
        "vpc",
        "VPCs per Region",
        5,
        ec2=[
            (
                "describe_availability_zones",
                {"AvailabilityZones": [{"ZoneName": f"z{n}", "State": "available"} for n in range(count)]},
            ),
            ("describe_vpcs", {"Vpcs": [{"VpcId": f"vpc-{n}", **more} for n in range(vpcs)]}),
        ],
    )


def parameter(value: str) -> Answers:
    return {"ssm": [("get_parameter", {"Parameter": {"Value": value}})]}


def tag(status: str) -> Answers:
    tags = [{"TagKey": "darkroom:campaign", "Type": "UserDefined", "Status": status}]
    return {"ce": [("list_cost_allocation_tags", {"CostAllocationTags": tags})]}


def pulled(*images: str) -> Answers:
    return {"ecr": [("batch_get_image", {"images": [{"imageId": {"imageTag": one}} for one in images]})]}


def stack(status: str, description: str = "Campaign demo: its data", absent: int = 3) -> Answers:
    there = {"StackName": "s", "CreationTime": 0, "StackStatus": status, "Description": description}
    gone = [("describe_stacks", "ValidationError")] * absent
    return {"cloudformation": [("describe_stacks", {"Stacks": [there]}), *gone]}


GUARDRAIL = {"moderation": {"guardrail": {"id": "abc123def456", "version": "1"}}}
POOL = {
    "api": {
        "authorizer": "jwt",
        "jwt": {"user_pool": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Abcdefghi"},
    }
}
GUARDRAIL_ANSWER = {
    "name": "g",
    "guardrailId": "abc123def456",
    "guardrailArn": "arn:aws:bedrock:us-east-1:123456789012:guardrail/g",
    "version": "1",
    "status": "READY",
    "createdAt": 0,
    "updatedAt": 0,
    "blockedInputMessaging": "no",
    "blockedOutputsMessaging": "no",
}

CASES: list[tuple[str, Check, Answers, dict[str, Any], State, str]] = [
    ("right account", credentials, identity("123456789012"), {}, OK, "123456789012 in us-east-1"),
    ("wrong account", credentials, identity("999999999999"), {}, PROBLEM, "are of account 999999999999"),
    (
        "another region",
        credentials,
        identity("123456789012"),
        {"environment": {"region": "eu-west-1"}},
        WARNING,
        "the environment says us-east-1, the campaign eu-west-1",
    ),
    ("bootstrapped", bootstrap, parameter("30"), {}, OK, "version 30"),
    ("old bootstrap", bootstrap, parameter("5"), {}, PROBLEM, "version 5, and the templates need 6"),
    (
        "no bootstrap",
        bootstrap,
        {"ssm": [("get_parameter", "ParameterNotFound")]},
        {},
        PROBLEM,
        "there is none",
    ),
    (
        "log role",
        api_log_role,
        {"apigateway": [("get_account", {"cloudwatchRoleArn": "arn:role"})]},
        {"api": {"access_logs": True}},
        OK,
        "arn:role",
    ),
    (
        "no log role",
        api_log_role,
        {"apigateway": [("get_account", {})]},
        {"api": {"access_logs": True}},
        PROBLEM,
        "the region has none",
    ),
    ("quota enough", endpoint_instances, fleet(3), {}, OK, "3 are enough for updates too"),
    (
        "quota for all but updates",
        endpoint_instances,
        fleet(2),
        {},
        WARNING,
        "an update at 2 instances needs 3",
    ),
    ("quota too small", endpoint_instances, fleet(1), {}, PROBLEM, "scaling.max_instances is 2"),
    ("quota used by others", endpoint_instances, fleet(4, others=3), {}, PROBLEM, "other endpoints use 3"),
    ("none left at all", endpoint_instances, fleet(0), {}, PROBLEM, "0; scaling.max_instances is 2"),
    (
        "a type that the region does not offer",
        endpoint_instances,
        quota("sagemaker", "ml.inf1.xlarge for endpoint usage", 5),
        {},
        PROBLEM,
        "does not offer the type there",
    ),
    (
        "the schedule's maximum counts",
        endpoint_instances,
        fleet(10),
        {"scaling": {"schedule": [{"name": "launch", "at": "2027-01-01T00:00:00", "max_instances": 20}]}},
        PROBLEM,
        "scaling.max_instances is 20",
    ),
    (
        "concurrency",
        function_concurrency,
        quota("lambda", "Concurrent executions", 1000),
        {},
        OK,
        "1000 at once",
    ),
    (
        "new account",
        function_concurrency,
        quota("lambda", "Concurrent executions", 10),
        {},
        WARNING,
        "10 at once",
    ),
    ("zones", network, zones(3, 1), {"network": "isolated"}, OK, "3"),
    ("one zone", network, zones(1, 1), {"network": "isolated"}, PROBLEM, "1 of the 2 needed"),
    ("VPCs used up", network, zones(3, 5), {"network": "isolated"}, PROBLEM, "all 5 of the region"),
    (
        "VPCs used up, by itself too",
        network,
        zones(3, 5, Tags=[{"Key": "darkroom:campaign", "Value": "demo"}]),
        {"network": "isolated"},
        OK,
        "5 of 5",
    ),
    ("image", image, pulled("2.8.0"), {}, OK, "huggingface-pytorch-inference-neuronx:2.8.0"),
    ("no such tag", image, pulled(), {}, PROBLEM, "is not there"),
    (
        "no such repository",
        image,
        {"ecr": [("batch_get_image", "RepositoryNotFoundException")]},
        {},
        PROBLEM,
        "763104351884 has no repository huggingface-pytorch-inference-neuronx",
    ),
    (
        "first deployment",
        stacks,
        {"cloudformation": [("describe_stacks", "ValidationError")] * 4},
        {},
        OK,
        "none",
    ),
    ("deployed", stacks, stack("UPDATE_COMPLETE"), {}, OK, "UPDATE_COMPLETE"),
    ("stuck", stacks, stack("ROLLBACK_COMPLETE"), {}, PROBLEM, "its creation failed"),
    ("busy", stacks, stack("UPDATE_IN_PROGRESS"), {}, PROBLEM, "UPDATE_IN_PROGRESS"),
    ("another's", stacks, stack("CREATE_COMPLETE", "A web shop"), {}, PROBLEM, "not this campaign's"),
    ("guardrail", guardrail, {"bedrock": [("get_guardrail", GUARDRAIL_ANSWER)]}, GUARDRAIL, OK, "version 1"),
    (
        "guardrail in the making",
        guardrail,
        {"bedrock": [("get_guardrail", {**GUARDRAIL_ANSWER, "status": "CREATING"})]},
        GUARDRAIL,
        PROBLEM,
        "CREATING",
    ),
    (
        "no guardrail",
        guardrail,
        {"bedrock": [("get_guardrail", "ResourceNotFoundException")]},
        GUARDRAIL,
        PROBLEM,
        "has no version 1 here",
    ),
    (
        "user pool",
        user_pool,
        {"cognito-idp": [("describe_user_pool", {"UserPool": {}})]},
        POOL,
        OK,
        "us-east-1_A",
    ),
    (
        "no user pool",
        user_pool,
        {"cognito-idp": [("describe_user_pool", "ResourceNotFoundException")]},
        POOL,
        PROBLEM,
        "there is no us-east-1_Abcdefghi",
    ),
    ("no budget", budget, {}, {}, WARNING, "there is none; instances cost $0 a month idle"),
    ("sane budget", budget, {}, {"budget": {"monthly": 500}}, OK, "$500 a month"),
    ("endless budget", budget, {}, {"budget": {"monthly": 1e6}}, WARNING, "never reached"),
    (
        "budget below the idle cost",
        budget,
        {},
        {"budget": {"monthly": 5}, "scaling": {"min_instances": 1}},
        PROBLEM,
        "does not even keep",
    ),
    ("told", notifications, {}, {"notifications": {"email": ["ops@example.com"]}}, OK, "ops@example.com"),
    ("untold", notifications, {}, {}, WARNING, "nobody hears"),
    ("active tag", cost_tag, tag("Active"), {}, OK, "is active"),
    ("inactive tag", cost_tag, tag("Inactive"), {}, WARNING, "darkroom:campaign is inactive"),
    (
        "new tag",
        cost_tag,
        {"ce": [("list_cost_allocation_tags", {"CostAllocationTags": []})]},
        {},
        WARNING,
        "unknown",
    ),
]


@pytest.mark.parametrize(
    ("check", "answers", "sections", "state", "found"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_check_says_what_it_found_and_what_to_do(
    situated: Situated, check: Check, answers: Answers, sections: dict[str, Any], state: State, found: str
) -> None:
    findings = list(check(situated(answers, **sections)))
    (worst,) = [one for one in findings if found in one.found][:1]
    assert worst.state is state
    assert {one.state for one in findings} <= {OK, state}
    assert bool(worst.do) == (state is not OK)


@pytest.mark.parametrize("check", [api_log_role, network, guardrail, user_pool])
def test_what_the_campaign_does_not_use_is_not_looked_at(situated: Situated, check: Check) -> None:
    assert list(check(situated())) == []  # and no client is asked for


def test_a_name_that_somebody_has_is_in_the_way(situated: Situated) -> None:
    group = {"logGroupName": "/aws/sagemaker/Endpoints/demo"}
    longer = {"logGroupName": "/aws/sagemaker/Endpoints/demo-2"}
    nothing: Answers = {
        "cloudformation": [("describe_stacks", "ValidationError")] * 4,
        "sagemaker": [("list_endpoints", {"Endpoints": [_summary("demo-2")]})],
        "logs": [("describe_log_groups", {"logGroups": [longer]})] * 20,
        "cloudwatch": [
            ("list_dashboards", {"DashboardEntries": []}),
            *[("describe_alarms", {"MetricAlarms": []})] * 40,
        ],
    }
    assert {one.state for one in names(situated(nothing))} == {OK}
    taken = {**nothing, "logs": [("describe_log_groups", {"logGroups": [group]})] * 20}
    (found,) = [one for one in names(situated(taken)) if one.state is PROBLEM]
    assert "/aws/sagemaker/Endpoints/demo" in found.subject


@pytest.mark.parametrize(("answer", "state"), [("NotFoundException", OK), ({}, PROBLEM)])
def test_a_budget_of_the_name_is_in_the_way(situated: Situated, answer: Any, state: State) -> None:
    name = {"Fn::Join": ["-", ["demo", {"Ref": "AWS::Region"}]]}
    budget_of = {"Type": "AWS::Budgets::Budget", "Properties": {"Budget": {"BudgetName": name}}}
    template = {"Resources": {"Spend": budget_of}}
    given = {"budgets": [("describe_budget", answer)]}
    answers: Answers = {"cloudformation": [("describe_stacks", "ValidationError")], **given}
    situation = dataclasses.replace(situated(answers), templates={"demo-monitoring": template})
    first = next(iter(names(situation)))
    assert first.state is state
    assert state is OK or first.subject == "budget demo-us-east-1"


@pytest.mark.parametrize("name", ["national-launch", "newsletter", "storefront"])
def test_a_shipped_campaign_that_costs_money_has_a_sane_budget_that_somebody_hears_of(name: str) -> None:
    situation = Situation(load_campaign(Sources(), name), {}, None)
    assert [_only(check, situation).state for check in (budget, notifications)] == [OK, OK]


def test_a_local_bundle_fits_or_says_what_does_not(situated: Situated) -> None:
    situation = situated()
    assert _only(bundle, situation).state is WARNING  # the tiny one is compiled for a CPU
    chosen = situation.campaign.bundle
    assert isinstance(chosen, LocalBundle)
    djl = situated(endpoint={"container": "djl"})
    assert "laid out for sagemaker" in _only(bundle, djl).found
    small = situated(model={"width": 96, "height": 96})
    assert "has no 96x96" in _only(bundle, small).found


MANIFEST = {
    "recipe": "tiny-sdxl",
    "adapter": "sagemaker",
    "compiler": "neuron",
    "sizes": [[128, 128]],
    "files": {"parts/unet.pt": {"sha256": "0" * 64, "bytes": 7}},
}


@pytest.mark.parametrize(
    ("manifest", "size", "state", "found"),
    [
        (MANIFEST, 7, OK, "s3://models/tiny/1/"),
        (MANIFEST, 6, PROBLEM, "1 of its 1 files are missing or of another size, such as parts/unet.pt"),
        (MANIFEST, None, PROBLEM, "1 of its 1 files are missing"),
        ({**MANIFEST, "recipe": "sdxl"}, 7, PROBLEM, "was made for recipe sdxl"),
        ({**MANIFEST, "compiler": "cpu"}, 7, WARNING, "compiled for a CPU"),
        ("no manifest", 7, PROBLEM, "is no manifest"),
        (None, 7, PROBLEM, "there is no bundle.json at s3://models/tiny/1/"),
    ],
)
def test_a_bundle_in_s3_is_there_whole_and_fits(
    situated: Situated, manifest: Any, size: int | None, state: State, found: str
) -> None:
    body = json.dumps(manifest).encode()
    got = {"Body": StreamingBody(io.BytesIO(body), len(body))} if manifest else "NoSuchKey"
    contents = [{"Key": "tiny/1/parts/unet.pt", "Size": size}] if size is not None else []
    answers = {"s3": [("get_object", got), ("list_objects_v2", {"Contents": contents})]}
    situation = situated(answers)
    remote = dataclasses.replace(situation.campaign, bundle=RemoteBundle("models", "tiny/1/"))
    finding = _only(bundle, dataclasses.replace(situation, campaign=remote))
    assert (finding.state, found in finding.found) == (state, True), finding


def test_what_was_kept_is_to_be_adopted(situated: Situated) -> None:
    arn = "arn:aws:kms:us-east-1:123456789012:key/1234"
    tags = [{"Key": "darkroom:campaign", "Value": "demo"}, {"Key": "darkroom:holds", "Value": "key"}]
    described = {"KeyMetadata": {"KeyId": "1234", "KeyState": "Enabled"}}
    gone = ("list_stack_resources", "ValidationError")
    answers: Answers = {
        "resourcegroupstaggingapi": [
            ("get_resources", {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tags}]})
        ],
        "kms": [("describe_key", described)],
        "cloudformation": [gone],
    }
    finding = _only(kept, situated(answers))
    assert (finding.state, finding.do.startswith("Run `darkroom adopt demo` first")) == (WARNING, True)
    dying = {"KeyMetadata": {"KeyId": "1234", "KeyState": "PendingDeletion"}}
    assert _only(kept, situated({**answers, "kms": [("describe_key", dying)]})).state is OK


def _only(check: Check, situation: Any) -> Finding:
    (finding,) = check(situation)
    return finding
