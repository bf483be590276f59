"""What a refused prompt is told, and what it leaves: nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_api.moderation.prompts import PromptModeration
from image_api.moderation.rules import ModerationRules, PictureRule

from tests.lambda_functions.moderation.conftest import RULES, Bedrock, Moderated, client_error

PROMPT_REFUSED = "urn:darkroom:problem:prompt-refused"


def body(answer: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer["body"])
    return document


@pytest.mark.parametrize("prompt", ["a R\u200bival-COLA can", "order #1234", "a forbidden thing"])
def test_a_refused_prompt_is_answered_422_and_leaves_nothing(moderated: Moderated, prompt: str) -> None:
    answer = moderated.campaign.post({"prompt": prompt})
    assert answer["statusCode"] == 422
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = body(answer)
    assert (document["type"], document["title"]) == (PROMPT_REFUSED, "Prompt refused")
    assert moderated.campaign.rows() == []
    assert moderated.campaign.endpoint.asked == []
    assert moderated.campaign.metric("PromptsRefused") == [1.0]
    assert moderated.campaign.metric("NumberOfInferenceRequests") == []


def test_neither_the_answer_nor_the_log_says_which_word_or_repeats_the_prompt(moderated: Moderated) -> None:
    answers = [
        moderated.campaign.post({"prompt": prompt})
        for prompt in ("a rival cola in a secret place", "a forbidden secret")
    ]
    assert answers[0]["body"] == answers[1]["body"]
    for text in (answers[0]["body"], moderated.campaign.printed()):
        assert not any(word in text for word in ("rival", "cola", "secret", "forbidden"))


def test_the_campaigns_own_words_spare_the_guardrail(moderated: Moderated) -> None:
    moderated.campaign.post({"prompt": "rival cola"})
    assert moderated.bedrock.asked == []


def test_a_negative_prompt_may_name_what_is_not_to_be_drawn(moderated: Moderated) -> None:
    request = {"prompt": "a can on a beach", "negative_prompt": "rival cola, forbidden"}
    assert moderated.campaign.post(request)["statusCode"] == 202
    assert moderated.bedrock.asked == ["a can on a beach"]


def test_the_guardrail_is_asked_where_nothing_is_cached_and_not_again(moderated: Moderated) -> None:
    job_id = body(moderated.campaign.post({"prompt": "a fox"}))["id"]
    assert body(moderated.campaign.post({"prompt": "a fox"}))["cache"] == "coalesced"
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    assert body(moderated.campaign.post({"prompt": "a fox"}))["cache"] == "hit"
    assert moderated.bedrock.asked == ["a fox"]


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException", 429, "ApplyGuardrail"),
        client_error("ServiceUnavailableException", 503, "ApplyGuardrail"),
        client_error("AccessDeniedException", 403, "ApplyGuardrail"),
        client_error("ResourceNotFoundException", 404, "ApplyGuardrail"),
        ReadTimeoutError(endpoint_url="https://bedrock"),
    ],
)
def test_a_guardrail_that_does_not_answer_is_503_and_nothing_is_drawn(
    moderated: Moderated, error: Exception
) -> None:
    moderated.bedrock.error = error
    answer = moderated.campaign.post({"prompt": "a fox"})
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "30"
    assert moderated.campaign.rows() == []
    assert moderated.campaign.metric("PromptsRefused") == []
    assert "secret prompt" not in moderated.campaign.printed()
    moderated.bedrock.error = None
    assert moderated.campaign.post({"prompt": "a fox"})["statusCode"] == 202


def test_a_word_that_is_new_in_the_list_refuses_what_is_cached(moderated: Moderated) -> None:
    job_id = body(moderated.campaign.post({"prompt": "a fox"}))["id"]
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    moderated.rule(ModerationRules(("fox",), (), RULES.guardrail, RULES.pictures))
    assert moderated.campaign.post({"prompt": "a fox"})["statusCode"] == 422


def test_other_rules_for_guardrail_or_pictures_begin_a_new_cache(moderated: Moderated) -> None:
    before = body(moderated.campaign.post({"prompt": "a fox"}))["id"]
    moderated.rule(ModerationRules((), (), RULES.guardrail, PictureRule(50.0, ())))
    assert body(moderated.campaign.post({"prompt": "a fox"}))["id"] != before
    moderated.rule(ModerationRules(("other",), (), RULES.guardrail, RULES.pictures))
    assert body(moderated.campaign.post({"prompt": "a fox"}))["id"] == before


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(min_size=1, max_size=100))
def test_no_text_makes_the_checks_fail(prompt: str) -> None:
    moderation = PromptModeration(RULES, Bedrock(), 100)
    assert moderation.blocks(prompt) in (True, False)


def test_a_prompt_nobody_can_read_is_refused() -> None:
    moderation = PromptModeration(RULES, Bedrock(), 100)
    assert moderation.blocks("\ufdfa" * 50)
    assert not PromptModeration(ModerationRules(), Bedrock(), 100).blocks("\ufdfa" * 50)
