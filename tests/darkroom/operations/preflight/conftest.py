"""A campaign before its deployment: the demo's templates, and answers of AWS that a test gives."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from darkroom.campaign import ResolvedCampaign
from darkroom.operations.preflight import Situation, situation_of

Answers = dict[str, list[tuple[str, Any]]]


class StubbedSession:
    """A boto3 session whose clients give answers, in order; botocore checks that AWS could give them.

    ``answers`` has for each service the operations (as methods) and what they answer: a dict, or the code of
    an error.
    """

    def __init__(self, answers: Answers, region: str = "us-east-1") -> None:
        self.region_name = region
        self._clients = {service: self._stubbed(service, given) for service, given in answers.items()}

    def client(self, service: str, **_: str) -> Any:
        return self._clients[service]

    def _stubbed(self, service: str, given: list[tuple[str, Any]]) -> Any:
        client = boto3.client(
            service, region_name=self.region_name, aws_access_key_id="x", aws_secret_access_key="x"
        )
        stubber = Stubber(client)
        for operation, answer in given:
            if isinstance(answer, str):
                # Services have two ways to say that a thing is not there.
                said = f"Could not find it: {operation} says that it does not exist"
                stubber.add_client_error(operation, answer, said)
            else:
                stubber.add_response(operation, answer)
        stubber.activate()
        return client


@pytest.fixture(scope="session")
def demo() -> Situation:
    """The demo with its templates; no AWS."""
    return situation_of("demo", StubbedSession({}))


Situated = Callable[..., Situation]


@pytest.fixture
def situated(demo: Situation) -> Situated:
    """Makes a situation: answers of AWS, and sections of the campaign's file changed by keyword."""

    def make(answers: Answers | None = None, **sections: dict[str, Any] | Any) -> Situation:
        return dataclasses.replace(
            demo, session=StubbedSession(answers or {}), campaign=_changed(demo.campaign, sections)
        )

    return make


def _changed(campaign: ResolvedCampaign, sections: dict[str, Any]) -> ResolvedCampaign:
    content = campaign.file.model_dump(mode="json", exclude_none=True)
    for name, change in sections.items():
        content[name] = {**content.get(name, {}), **change} if isinstance(change, dict) else change
    return dataclasses.replace(campaign, file=type(campaign.file).model_validate_json(json.dumps(content)))
