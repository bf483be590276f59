"""One matrix of configurations, over which cdk-nag, CDK's rules and cfn-lint run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from app import add_nag
from stacks import acknowledgements
from stacks.acknowledgements import Acknowledgement
from tests.stacks.synthesized import Synth

CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "demo": ("demo", {}),
    "published, s3 bundle": ("newsletter", {}),
    "schedule, kept, quota, mail": ("national-launch", {}),
    "access logs": ("demo", {"api": {"access_logs": True}}),
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
}


@pytest.fixture(params=CONFIGURATIONS)
def configuration(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return CONFIGURATIONS[request.param]


def test_every_configuration_passes_cdk_nag_and_cdks_own_rules(
    configuration: tuple[str, dict[str, Any]], synth: Synth
) -> None:
    name, overrides = configuration
    synth(name, checked=True, **overrides)  # raises on a finding


def test_every_configuration_passes_cfn_lint(synth: Synth) -> None:
    synthesized = [synth(name, checked=True, **overrides) for name, overrides in CONFIGURATIONS.values()]
    paths = [str(each.template_path(stack)) for each in synthesized for stack in each.stacks]
    lint = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--non-zero-exit-code", "error", *paths],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout


def test_a_finding_that_nobody_accepted_fails_the_synth(cdk_context: dict[str, Any], tmp_path: Path) -> None:
    app = cdk.App(context=cdk_context, outdir=str(tmp_path), analytics_reporting=False)
    add_nag(app, [])
    sns.Topic(cdk.Stack(app, "open"), "Topic")
    with pytest.raises(RuntimeError, match=r"(?i)validation"):
        app.synth()
    assert "AwsSolutions-SNS3" in (tmp_path / "validation-report.json").read_text()


def test_every_acknowledgement_gives_a_reviewer_a_reason() -> None:
    records = [each for each in vars(acknowledgements).values() if isinstance(each, Acknowledgement)]
    assert len(records) >= 5
    for record in records:
        assert re.match(r"(AwsSolutions-[A-Z]+\d+(\[.+\])?|CloudFormation-Validate::F\d+)$", record.id)
        assert len(record.reason) > 60
        assert record.reason.endswith(".")


def test_no_configuration_leaves_an_api_gateway_account_setting_or_an_implicit_log_group(
    configuration: tuple[str, dict[str, Any]], synth: Synth
) -> None:
    name, overrides = configuration
    synthesized = synth(name, checked=True, **overrides)
    for stack in synthesized.stacks:
        assert not synthesized.resources(stack, "AWS::ApiGateway::Account")
        assert not synthesized.resources(stack, "Custom::LogRetention")
        for function in synthesized.resources(stack, "AWS::Lambda::Function").values():
            assert "LogGroup" in function["Properties"]["LoggingConfig"]
