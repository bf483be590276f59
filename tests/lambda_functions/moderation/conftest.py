"""A campaign that moderates: what looks at prompts and pictures is told what to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from image_api import completion, front, reconciliation
from image_api.application import with_moderation
from image_api.aws import Clients
from image_api.moderation.rules import GuardrailRule, ModerationRules, PictureRule

from tests.lambda_functions.local_campaign import Campaign

RULES = ModerationRules(
    words=("rival cola",),
    patterns=(r"#\d{4}",),
    guardrail=GuardrailRule("gr0abc", "2"),
    pictures=PictureRule(80.0, ()),
)


def client_error(code: str, status: int, operation: str) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "a secret prompt"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
    )


def check(service: str, operation: str, parameters: dict[str, Any]) -> None:
    """Fail as boto3 does for parameters that the service's model does not have."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()


@dataclass
class Bedrock:
    """Stands for bedrock-runtime: intervenes at a word, or fails."""

    blocked: str = "forbidden"
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def apply_guardrail(self, **parameters: Any) -> dict[str, Any]:
        check("bedrock-runtime", "ApplyGuardrail", parameters)
        assert (parameters["guardrailIdentifier"], parameters["guardrailVersion"]) == ("gr0abc", "2")
        assert parameters["source"] == "INPUT"
        text = parameters["content"][0]["text"]["text"]
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        return {
            "action": "GUARDRAIL_INTERVENED" if self.blocked in text else "NONE",
            "outputs": [],
            "assessments": [],
        }


@dataclass
class Rekognition:
    """Stands for Rekognition: the labels it is told of, or an error."""

    s3: Any
    labels: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def detect_moderation_labels(self, **parameters: Any) -> dict[str, Any]:
        check("rekognition", "DetectModerationLabels", parameters)
        place = parameters["Image"]["S3Object"]
        self.asked.append(place["Name"])
        if self.error is not None:
            raise self.error
        self.s3.head_object(Bucket=place["Bucket"], Key=place["Name"])
        least = parameters["MinConfidence"]
        return {"ModerationLabels": [label for label in self.labels if label["Confidence"] >= least]}

    def see(self, confidence: float = 95.0) -> None:
        self.labels = [{"Name": "Violence", "ParentName": "", "TaxonomyLevel": 1, "Confidence": confidence}]


@dataclass
class Moderated:
    """A campaign with its moderation."""

    campaign: Campaign
    bedrock: Bedrock
    rekognition: Rekognition
    rule: Callable[[ModerationRules], None]

    def keys(self) -> list[str]:
        listed = self.campaign.s3.list_objects_v2(Bucket="demo-pictures").get("Contents", [])
        return [entry["Key"] for entry in listed]


@pytest.fixture
def moderated(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> Moderated:
    """Words, a guardrail and pictures; ``rule`` deploys it again with others."""
    bedrock, rekognition = Bedrock(), Rekognition(campaign.s3)
    plain = front._application()

    def rule(rules: ModerationRules) -> None:
        clients = Clients(campaign.dynamodb, campaign.s3, None, bedrock=bedrock, rekognition=rekognition)
        for module in (front, completion, reconciliation):
            kind = "prompts" if module is front else "pictures"
            app = with_moderation(replace(plain), rules, clients, kind)  # type: ignore[arg-type]
            monkeypatch.setattr(module, "_application", lambda app=app: app)

    rule(RULES)
    return Moderated(campaign, bedrock, rekognition, rule)
