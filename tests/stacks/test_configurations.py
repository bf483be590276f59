"""One matrix of configurations, over which cdk-nag, CDK's rules and cfn-lint run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from app import add_nag
from stacks.campaign_stage import CampaignStage
from stacks.lambda_code import LambdaCode
from tests.stacks.reviewed import Reviewed, review

GUARDRAIL = {"id": "abcdefgh1234", "version": "1"}

USER_POOL = {
    "user_pool": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_AbCdEfGhI",
    "scopes": ["images/draw"],
}

CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "demo": ("demo", {}),
    "published, s3 bundle": ("newsletter", {}),
    "schedule, kept, quota, mail": ("national-launch", {}),
    "a budget": ("demo", {"budget": {"monthly": 500, "alerts": [80]}}),
    "access logs": ("demo", {"api": {"access_logs": True}}),
    "callers are AWS identities, no web ACL": (
        "demo",
        {"api": {"authorizer": "iam", "firewall": {"enabled": False}, "access_logs": True}},
    ),
    "callers hold tokens of a user pool": ("demo", {"api": {"authorizer": "jwt", "jwt": USER_POOL}}),
    "kept, local bundle": ("demo", {"retention": "keep"}),
    "Large Model Inference container": ("newsletter", {"endpoint": {"container": "djl"}}),
    "realtime, schedule": ("storefront", {}),
    "words, guardrail and pictures moderated": (
        "demo",
        {
            "moderation": {
                "blocked_words": ["rival cola"],
                "blocked_patterns": ["#\\d{4}"],
                "guardrail": {"id": "gr0abc", "version": "2"},
                "pictures": {"minimum_confidence": 75, "labels": ["Violence"]},
            }
        },
    ),
    "realtime, pictures moderated": ("storefront", {"moderation": {"pictures": {}}}),
    "builds, nothing to begin with": (
        "demo",
        {
            "model": {"bundle": None},
            "build": {"sources": ["s3://weights/tiny/"], "fine_tune": {}},
            "notifications": {"email": ["ops@example.com"]},
        },
    ),
    "builds, kept, a bundle to begin with": (
        "newsletter",
        {"retention": "keep", "build": {"instance_type": "ml.trn1.2xlarge"}},
    ),
    "own image, another partition": (
        "newsletter",
        {
            "environment": {"account": "111122223333", "region": "cn-north-1"},
            "endpoint": {"image": "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/serving:1"},
        },
    ),
    "isolated": ("demo", {"network": "isolated"}),
    "isolated, realtime, moderated": (
        "storefront",
        {"network": "isolated", "moderation": {"guardrail": GUARDRAIL, "pictures": {}}},
    ),
    "isolated, kept, builds": (
        "newsletter",
        {
            "network": "isolated",
            "retention": "keep",
            "build": {
                "sources": ["s3://weights/sd21/"],
                "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/building:1",
            },
        },
    ),
}

Review = Callable[[str], Reviewed]


@pytest.fixture(scope="session")
def reviewed(
    resolve: Any, lambda_code: LambdaCode, cdk_context: dict[str, Any], tmp_path_factory: Any
) -> Review:
    """Reviews a configuration, by its name, once."""
    done: dict[str, Reviewed] = {}

    def one(title: str) -> Reviewed:
        if title not in done:
            name, overrides = CONFIGURATIONS[title]
            done[title] = review(
                resolve(name, **overrides),
                lambda_code,
                context=cdk_context,
                outdir=tmp_path_factory.mktemp("cdk.out"),
            )
        return done[title]

    return one


@pytest.fixture(params=CONFIGURATIONS)
def configuration(request: pytest.FixtureRequest, reviewed: Review) -> Reviewed:
    return reviewed(request.param)


def test_every_finding_in_every_configuration_is_accepted_with_a_reason(configuration: Reviewed) -> None:
    accepted = [each for each, _ in configuration.accepted]
    open_findings = {
        (finding.id, finding.path)
        for finding in configuration.found
        if not any(each.accepts(finding) for each in accepted)
    }
    assert open_findings == set()


def test_no_acknowledgement_is_of_what_no_rule_finds_any_more(configuration: Reviewed) -> None:
    dead = {
        (each.id, each.path)
        for each, _ in configuration.accepted
        if not any(each.accepts(finding) for finding in configuration.found)
    }
    assert dead == set()


def test_every_finding_has_one_reason(configuration: Reviewed) -> None:
    reasons = defaultdict(set)
    for each, reason in configuration.accepted:
        reasons[each].add(reason)
    assert {each: said for each, said in reasons.items() if len(said) > 1} == {}


def test_every_reason_is_one_that_a_reviewer_can_judge(reviewed: Review) -> None:
    rules = defaultdict(set)
    for title in CONFIGURATIONS:
        for each, reason in reviewed(title).accepted:
            rules[reason].add(re.sub(r"^[A-Z][A-Za-z0-9.]*-|\[.*\]$", "", each.id))
    assert len(rules) >= 30
    for reason, ids in rules.items():
        assert len(reason) > 60, reason
        assert reason.endswith("."), reason
        assert not re.search(r"\b(TODO|FIXME|n/a|not applicable|false positive|by design)\b", reason, re.I)
        # One reason for several rules explains none of them, unless packs call one rule by several names.
        assert len(ids) == 1 or ids in SAME_RULE, (reason, ids)


# Rules that ask for the same, under the names that the packs have for it.
SAME_RULE = (
    {"SQS3", "SQSRedrivePolicy"},
    {"APIG1", "APIGWAccessLogging"},
    {"APIG6", "APIGWExecutionLoggingEnabled"},
    {"APIG3", "APIGWAssociatedWithWAF"},
)


def test_every_configuration_passes_cfn_lint(reviewed: Review) -> None:
    """No rule is switched off: not here, not in a template's metadata, not by a file of cfn-lint's."""
    synthesized = [reviewed(title).synthesized for title in CONFIGURATIONS]
    paths = [each.template_path(stack) for each in synthesized for stack in each.stacks]
    assert not any("cfn-lint" in path.read_text(encoding="utf-8") for path in paths)
    lint = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--non-zero-exit-code", "error", *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=paths[0].parent,
    )
    assert lint.returncode == 0, lint.stdout


def test_a_campaign_whose_findings_are_accepted_is_synthesized(
    resolve: Any, lambda_code: LambdaCode, cdk_context: dict[str, Any], tmp_path: Path
) -> None:
    """The CDK agrees with the comparison above."""
    app = cdk.App(context=cdk_context, outdir=str(tmp_path), analytics_reporting=False)
    add_nag(app, [CampaignStage(app, campaign=resolve("demo", network="isolated"), lambda_code=lambda_code)])
    app.synth()


def test_a_finding_that_nobody_accepted_fails_the_synth(cdk_context: dict[str, Any], tmp_path: Path) -> None:
    app = cdk.App(context=cdk_context, outdir=str(tmp_path), analytics_reporting=False)
    add_nag(app, [])
    sns.Topic(cdk.Stack(app, "open"), "Topic")
    with pytest.raises(RuntimeError, match=r"(?i)validation"):
        app.synth()
    report = (tmp_path / "validation-report.json").read_text()
    assert "AwsSolutions-SNS3" in report
    assert "NIST.800.53.R5-SNSEncryptedKMS" in report


def test_no_configuration_leaves_an_api_gateway_account_setting_or_an_implicit_log_group(
    configuration: Reviewed,
) -> None:
    synthesized = configuration.synthesized
    for stack in synthesized.stacks:
        assert not synthesized.resources(stack, "AWS::ApiGateway::Account")
        assert not synthesized.resources(stack, "Custom::LogRetention")
        for function in synthesized.resources(stack, "AWS::Lambda::Function").values():
            assert "LogGroup" in function["Properties"]["LoggingConfig"]


def test_every_log_group_is_encrypted_with_the_campaign_s_key_and_expires(configuration: Reviewed) -> None:
    synthesized = configuration.synthesized
    groups = [
        group["Properties"]
        for stack in synthesized.stacks
        for group in synthesized.resources(stack, "AWS::Logs::LogGroup").values()
    ]
    assert groups
    for group in groups:
        assert group["RetentionInDays"] <= 90
        assert "Key" in str(group["KmsKeyId"])
