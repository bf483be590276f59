"""Guardrails of the sandbox: boto3 makes and applies them as on AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.process import SandboxProcess

Client = Callable[[str], Any]
MESSAGES = {"blockedInputMessaging": "No.", "blockedOutputsMessaging": "No."}


@pytest.fixture
def guardrail(client: Client) -> Iterator[str]:
    """A published guardrail's id: words, a topic and a regular expression."""
    bedrock = client("bedrock")
    made = bedrock.create_guardrail(
        name="brand",
        **MESSAGES,
        wordPolicyConfig={"wordsConfig": [{"text": "rival cola"}]},
        topicPolicyConfig={
            "topicsConfig": [
                {
                    "name": "politics",
                    "definition": "elections",
                    "examples": ["campaign rally"],
                    "type": "DENY",
                }
            ]
        },
        sensitiveInformationPolicyConfig={
            "regexesConfig": [{"name": "number", "pattern": r"\d{4}-\d{4}", "action": "ANONYMIZE"}]
        },
    )
    assert made["version"] == "DRAFT"
    assert bedrock.create_guardrail_version(guardrailIdentifier=made["guardrailId"])["version"] == "1"
    yield made["guardrailId"]
    bedrock.delete_guardrail(guardrailIdentifier=made["guardrailId"])


def apply(client: Client, guardrail: str, text: str, version: str = "1") -> Any:
    return client("bedrock-runtime").apply_guardrail(
        guardrailIdentifier=guardrail,
        guardrailVersion=version,
        source="INPUT",
        content=[{"text": {"text": text}}],
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("a Rival Cola can on a beach", "wordPolicy"),
        ("a campaign rally at night", "topicPolicy"),
        ("a card that says 1234-5678", "sensitiveInformationPolicy"),
    ],
)
def test_it_intervenes_at_what_its_policies_name(
    client: Client, guardrail: str, text: str, policy: str
) -> None:
    answer = apply(client, guardrail, text)
    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert answer["outputs"] == [{"text": "No."}]
    assert list(answer["assessments"][0]) == [policy]


@pytest.mark.parametrize("text", ["a cola", "rival colas", "an election", "12345678"])
def test_it_lets_other_texts_pass(client: Client, guardrail: str, text: str) -> None:
    answer = apply(client, guardrail, text)
    assert (answer["action"], answer["outputs"], answer["assessments"]) == ("NONE", [], [])
    assert answer["usage"]["wordPolicyUnits"] == 1


def test_it_is_shown_and_listed(client: Client, guardrail: str) -> None:
    shown = client("bedrock").get_guardrail(guardrailIdentifier=guardrail, guardrailVersion="1")
    assert (shown["name"], shown["status"]) == ("brand", "READY")
    assert shown["guardrailArn"].endswith(f":guardrail/{guardrail}")
    assert [one["id"] for one in client("bedrock").list_guardrails()["guardrails"]] == [guardrail]


@pytest.mark.parametrize(("id", "version"), [("nosuchone", "1"), (None, "2")])
def test_what_is_not_there_is_told_as_bedrock_tells_it(
    client: Client, guardrail: str, id: str | None, version: str
) -> None:
    with pytest.raises(ClientError) as refused:
        apply(client, id or guardrail, "a fox", version)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_version_that_is_none_breaks_the_apis_own_rules(client: Client, guardrail: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        apply(client, guardrail, "a fox", "latest")


def test_it_fails_when_it_is_told_to(client: Client, guardrail: str, local_aws: SandboxProcess) -> None:
    local_aws.inject(fail_guardrails=100)
    try:
        with pytest.raises(ClientError) as failed:
            apply(client, guardrail, "a fox")
    finally:
        local_aws.inject(fail_guardrails=0)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_policies_that_need_awss_own_models_are_refused_by_name(client: Client) -> None:
    with pytest.raises(ClientError, match="contentPolicyConfig"):
        client("bedrock").create_guardrail(
            name="filters",
            **MESSAGES,
            contentPolicyConfig={
                "filtersConfig": [{"type": "VIOLENCE", "inputStrength": "HIGH", "outputStrength": "HIGH"}]
            },
        )


def test_the_rest_of_bedrock_is_refused(client: Client) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        client("bedrock-runtime").invoke_model(modelId="a.model", body=b"{}")
    with pytest.raises(ClientError, match="NotImplemented"):
        client("bedrock").list_foundation_models()
