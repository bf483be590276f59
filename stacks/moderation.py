"""What a campaign refuses, on its way to the functions: a file in a layer, and what they may ask whom.

A layer, because a list of words outgrows the 4 KB of a function's environment. The file is named by its
content, so nothing is deployed anew that has not changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from darkroom.campaign import ResolvedCampaign
from stacks.lambda_code import LambdaCode
from stacks.permissions import allow, arn


def rules_document(campaign: ResolvedCampaign) -> dict[str, Any]:
    """The campaign's rules as image_api/moderation/rules.py reads them."""
    moderation = campaign.file.moderation
    if moderation is None:
        return {"words": [], "patterns": [], "guardrail": None, "pictures": None}
    guardrail, pictures = moderation.guardrail, moderation.pictures
    return {
        "words": list(moderation.blocked_words),
        "patterns": list(moderation.blocked_patterns),
        "guardrail": None if guardrail is None else {"id": guardrail.id, "version": guardrail.version},
        "pictures": None
        if pictures is None
        else {"minimum_confidence": pictures.minimum_confidence, "labels": list(pictures.labels)},
    }


class ModerationRules:
    """The rules of one campaign in its API stack; of a campaign without any, nothing at all."""

    def __init__(self, scope: cdk.Stack, campaign: ResolvedCampaign, lambda_code: LambdaCode) -> None:
        self._scope = scope
        self._moderation = campaign.file.moderation
        self.environment: dict[str, str] = {}
        self.layers: Sequence[lambda_.ILayerVersion] = ()
        if self._moderation is None:
            return
        content = json.dumps(rules_document(campaign), sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        self.environment = {"MODERATION_RULES": digest}
        layer = lambda_.LayerVersion(
            scope,
            "ModerationRules",
            code=lambda_code.moderation_rules(content, digest),
            description=f"What the campaign {campaign.name} refuses",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.layers = (layer,)

    @property
    def looks_at_pictures(self) -> bool:
        """Whether Rekognition is asked about every picture."""
        return self._moderation is not None and self._moderation.pictures is not None

    def for_prompts(self) -> list[iam.PolicyStatement]:
        """What the function needs that begins jobs."""
        if self._moderation is None or self._moderation.guardrail is None:
            return []
        guardrail = arn(self._scope, "bedrock", f"guardrail/{self._moderation.guardrail.id}")
        return [allow(["bedrock:ApplyGuardrail"], [guardrail])]

    def for_pictures(self, pictures: s3.IBucket) -> list[iam.PolicyStatement]:
        """What a function that ends jobs needs, beside reading pictures.

        Rekognition reads the object by the caller's permission (Rekognition developer guide, "Analyzing
        images stored in an Amazon S3 bucket").
        """
        if not self.looks_at_pictures:
            return []
        return [
            # The only resource that this action knows is a custom adapter's model, and there is none.
            allow(["rekognition:DetectModerationLabels"], ["*"]),
            allow(["s3:DeleteObject"], [pictures.arn_for_objects("pictures/*")]),
        ]
