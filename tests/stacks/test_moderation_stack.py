"""What moderation adds to the API stack: a file in a layer, and permissions of exactly who asks whom."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from image_api.moderation.rules import parse_rules

from stacks.moderation import rules_document
from tests.stacks.synthesized import Synth, Synthesized

ALL: dict[str, Any] = {
    "moderation": {
        "blocked_words": ["rival cola"],
        "blocked_patterns": ["#\\d{4}"],
        "guardrail": {"id": "gr0abc", "version": "2"},
        "pictures": {"minimum_confidence": 75, "labels": ["Violence"]},
    }
}
PICTURES: dict[str, Any] = {"moderation": {"pictures": {}}}


def actions(synthesized: Synthesized, function: str) -> set[str]:
    """What a function's role allows."""
    role = synthesized.named("api", "AWS::IAM::Role", function)
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return {
        action
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_the_rules_reach_the_functions_by_a_layer_named_by_its_content(
    synth: Synth, resolve: Any, lambda_code: Any
) -> None:
    synthesized = synth("demo", checked=True, **ALL)
    functions = synthesized.resources("api", "AWS::Lambda::Function").values()
    drawing = [each for each in functions if each["Properties"]["Handler"].startswith("image_api.")]
    digests = {each["Properties"]["Environment"]["Variables"]["MODERATION_RULES"] for each in drawing}
    (digest,) = digests
    assert all(len(each["Properties"]["Layers"]) == 2 for each in drawing)
    path: Path = lambda_code.layer.parent / "moderation-rules" / digest
    content = (path / "python" / "moderation_rules" / "rules.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert json.loads(content) == rules_document(resolve("demo", **ALL))
    assert parse_rules(json.loads(content)).words == ("rival cola",)
    assert "rival" not in json.dumps(synthesized.template("api"))


def test_each_function_may_ask_whom_it_asks_and_nobody_else(synth: Synth) -> None:
    synthesized = synth("demo", checked=True, **ALL)
    assert "bedrock:ApplyGuardrail" in actions(synthesized, "Front")
    assert not {"rekognition:DetectModerationLabels", "s3:DeleteObject"} & actions(synthesized, "Front")
    for function in ("Completion", "Reconciliation"):
        asked = {"rekognition:DetectModerationLabels", "s3:DeleteObject", "s3:GetObject"}
        assert asked <= actions(synthesized, function)
        assert "bedrock:ApplyGuardrail" not in actions(synthesized, function)
    role = synthesized.named("api", "AWS::IAM::Role", "Front")
    (guardrail,) = [
        statement["Resource"]
        for statement in role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        if statement["Action"] == "bedrock:ApplyGuardrail"
    ]
    assert json.dumps(guardrail).count(":guardrail/gr0abc") == 1


def test_a_realtime_campaigns_drawing_function_looks_at_pictures(synth: Synth) -> None:
    assert "rekognition:DetectModerationLabels" in actions(synth("storefront", **PICTURES), "Drawing")


@pytest.mark.parametrize("overrides", [{}, {"moderation": {"blocked_words": ["rival cola"]}}])
def test_nothing_is_allowed_that_is_not_configured(synth: Synth, overrides: dict[str, Any]) -> None:
    synthesized = synth("demo", checked=True, **overrides)
    for function in ("Front", "Completion", "Reconciliation"):
        services = {action.partition(":")[0] for action in actions(synthesized, function)}
        assert not services & {"bedrock", "rekognition"}
        assert "s3:DeleteObject" not in actions(synthesized, function)
    layers = synthesized.resources("api", "AWS::Lambda::LayerVersion")
    assert len(layers) == (2 if overrides else 1)


def test_the_dashboard_shows_what_was_refused_where_something_may_be(synth: Synth) -> None:
    moderated, plain = synth("demo", checked=True, **ALL), synth("demo", checked=True)
    for name in ("PromptsRefused", "PicturesRefused"):
        assert name in json.dumps(moderated.template("monitoring"))
        assert name not in json.dumps(plain.template("monitoring"))


def test_a_refused_picture_counts_as_drawn_for_the_surge_alarm(synth: Synth) -> None:
    assert "failed - refused" in json.dumps(synth("demo", checked=True, **ALL).template("inference"))
    assert "refused" not in json.dumps(synth("demo", checked=True).template("inference"))
