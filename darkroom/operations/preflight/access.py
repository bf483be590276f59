"""What the campaign's file refers to and others made: a guardrail, a user pool."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.exceptions

from darkroom.operations.preflight.finding import Finding, ok, problem
from darkroom.operations.preflight.situation import Situation


def guardrail(situation: Situation) -> Iterator[Finding]:
    """The Bedrock guardrail is there in that version, and ready."""
    moderation = situation.campaign.file.moderation
    wanted = moderation.guardrail if moderation else None
    if wanted is None:
        return
    do = "Correct moderation.guardrail, or publish that version: Amazon Bedrock, Guardrails."
    try:
        found = situation.client("bedrock").get_guardrail(
            guardrailIdentifier=wanted.id, guardrailVersion=wanted.version
        )
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "ValidationException"):
            raise
        yield problem("guardrail", f"{wanted.id} has no version {wanted.version} here", do)
        return
    if found["status"] != "READY":
        yield problem("guardrail", f"{wanted.id} is {found['status']}", do)
    else:
        yield ok("guardrail", f"{wanted.id}, version {wanted.version}")


def user_pool(situation: Situation) -> Iterator[Finding]:
    """The user pool whose tokens open the API is there, in the API's region."""
    jwt, where = situation.campaign.file.api.jwt, situation.campaign.file.environment
    if jwt is None:
        return
    region, pool = jwt.user_pool.split(":")[3], jwt.user_pool.rsplit("/", 1)[-1]
    if region != where.region:
        yield problem("user pool", f"{pool} is in {region}", f"API Gateway takes one in {where.region}.")
        return
    try:
        situation.client("cognito-idp").describe_user_pool(UserPoolId=pool)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield problem("user pool", f"there is no {pool} here", "Correct api.jwt.user_pool.")
        return
    yield ok("user pool", pool)
