"""Keys made, rotated and revoked by the tool, ended by the function; each seen at the stage."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from api_keys import handler as cleanup
from typer.testing import CliRunner

from darkroom.api_access import api_access
from darkroom.cli import app
from darkroom.operations import keys as module
from darkroom.operations.keys import ApiKeyError, ApiKeys
from tests.darkroom.sandbox.request_path.api_gateway.conftest import Campaign
from tests.darkroom.sandbox.request_path.conftest import REGION

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def deployed(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The campaign as the tool and the function see it."""
    outputs = {
        "ApiUrl": "https://api/live/",
        "ApiAuthorizer": "api-key",
        "ApiKeyId": campaign.key_id,
        "ApiUsagePlanId": campaign.plan.physical_id,
    }
    for target in ("darkroom.operations.keys.stack_outputs", "darkroom.api_access.stack_outputs"):
        monkeypatch.setattr(target, lambda *_: outputs)
    environment = {
        "AWS_ENDPOINT_URL": campaign.aws.context.settings.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CAMPAIGN": "demo",
        "USAGE_PLAN": campaign.plan.physical_id,
        "KEY_ID": campaign.key_id,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # The key of a template is tagged by the stack.
    backend: Any = _gateway(campaign)
    backend.keys[campaign.key_id].tags = {"darkroom:campaign": "demo"}
    cleanup._api_gateway.cache_clear()
    return outputs


def _gateway(campaign: Campaign) -> Any:
    from moto.apigateway.models import apigateway_backends

    return apigateway_backends["123456789012"][REGION]


@pytest.fixture
def keys() -> ApiKeys:
    return ApiKeys("demo", boto3.Session(region_name=REGION))


def _opens(campaign: Campaign, value: str | None) -> bool:
    """Whether a key lets a request in. One that is let in is refused for its body: the function has rest."""
    assert value
    status = campaign.call("POST", "/v1/images", {}, key=value).status
    assert status in (400, 403)
    return status == 400


def test_a_made_key_opens_the_stage_until_it_is_revoked(campaign: Campaign, keys: ApiKeys) -> None:
    made = keys.create("web")
    assert _opens(campaign, made.value)
    assert [key.name for key in keys.listed()] == ["default", "web"]
    keys.revoke("web")
    assert not _opens(campaign, made.value)
    assert _opens(campaign, campaign.key)


def test_a_rotated_key_stays_valid_for_its_grace_and_the_function_ends_it_then(
    campaign: Campaign, keys: ApiKeys
) -> None:
    first = keys.create("web")
    second, old = keys.rotate("web", DAY)
    assert [key.id for key in old] == [first.id]
    assert _opens(campaign, first.value)
    assert _opens(campaign, second.value)
    (due,) = [key.revoke_after for key in keys.listed() if key.id == first.id]
    assert due is not None
    assert abs(due - datetime.now(UTC) - DAY) < timedelta(minutes=1)

    assert cleanup.revoke_due(due.timestamp() - 1) == 0
    assert _opens(campaign, first.value)
    assert cleanup.revoke_due(due.timestamp()) == 1
    assert not _opens(campaign, first.value)
    assert _opens(campaign, second.value)
    assert cleanup.handler({}, None) == {"revoked": 0}


def test_without_a_grace_the_old_key_ends_at_once(campaign: Campaign, keys: ApiKeys) -> None:
    first = keys.create("web")
    second, _ = keys.rotate("web", timedelta(0))
    assert not _opens(campaign, first.value)
    assert _opens(campaign, second.value)


def test_rotating_again_does_not_lengthen_the_life_of_the_oldest(keys: ApiKeys) -> None:
    first = keys.create("web")
    keys.rotate("web", timedelta(hours=1))
    keys.rotate("web", DAY)
    (due,) = [key.revoke_after for key in keys.listed() if key.id == first.id]
    assert due is not None
    assert due < datetime.now(UTC) + timedelta(hours=2)


def test_the_stacks_own_key_is_disabled_and_never_deleted(campaign: Campaign, keys: ApiKeys) -> None:
    own = campaign.key
    assert api_access("demo", boto3.Session()).key == own
    made, _ = keys.rotate("default", DAY)
    assert _opens(campaign, own)
    assert api_access("demo", boto3.Session()).key == made.value
    assert cleanup.revoke_due(time.time() + 2 * DAY.total_seconds()) == 1
    assert not _opens(campaign, own)
    assert api_access("demo", boto3.Session()).key == made.value
    assert campaign.key == own  # it is there still, for CloudFormation


def test_with_the_stack_every_made_key_goes_and_no_other_campaigns(campaign: Campaign, keys: ApiKeys) -> None:
    keys.create("web")
    keys.rotate("web", DAY)
    client = campaign.aws.client("apigateway")
    others = client.create_api_key(name="demo-2.web", enabled=True, tags={"darkroom:campaign": "demo-2"})[
        "id"
    ]
    client.create_usage_plan_key(usagePlanId=campaign.plan.physical_id, keyId=others, keyType="API_KEY")
    assert cleanup.delete_made_keys() == 2
    assert {key["id"] for key in client.get_api_keys()["items"]} == {campaign.key_id, others}


def test_cloudformation_is_answered_and_keys_go_with_this_plan_alone(
    campaign: Campaign, keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.create("web")
    answers: list[tuple[str, str | None]] = []
    monkeypatch.setattr(cleanup, "answer", lambda _event, id, reason=None: answers.append((id, reason)))
    this = f"api-keys-{campaign.plan.physical_id}"
    cleanup.handler({"RequestType": "Create"}, None)
    cleanup.handler({"RequestType": "Delete", "PhysicalResourceId": "api-keys-another"}, None)
    assert [key.name for key in keys.listed()] == ["default", "web"]
    cleanup.handler({"RequestType": "Delete", "PhysicalResourceId": this}, None)
    assert [key.name for key in keys.listed()] == ["default"]
    assert answers == [(this, None)] * 3

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    cleanup._api_gateway.cache_clear()
    cleanup.handler({"RequestType": "Delete", "PhysicalResourceId": this}, None)
    assert answers[-1][0] == this
    assert "Could not connect" in (answers[-1][1] or "")


def test_a_key_outside_the_plan_is_not_left_behind(campaign: Campaign, keys: ApiKeys) -> None:
    keys._plan = "gone"
    keys._client.meta.events.register("before-call.api-gateway.CreateUsagePlanKey", _fail)
    with pytest.raises(ConnectionError):
        keys._make("web")
    assert [key["id"] for key in campaign.aws.client("apigateway").get_api_keys()["items"]] == [
        campaign.key_id
    ]


def _fail(**_: Any) -> None:
    raise ConnectionError


@pytest.mark.parametrize("name", ["", "-x", "a b", "a.b", "x" * 64, "é"])
def test_a_name_that_is_none_makes_nothing(keys: ApiKeys, name: str) -> None:
    with pytest.raises(ApiKeyError, match="is no name for a key"):
        keys.create(name)
    assert len(keys.listed()) == 1


def test_what_is_not_there_is_said_with_what_is(keys: ApiKeys) -> None:
    keys.create("web")
    with pytest.raises(ApiKeyError, match="has a key web already"):
        keys.create("web")
    for call in (keys.revoke, lambda name: keys.rotate(name, DAY)):
        with pytest.raises(ApiKeyError, match="no valid key app; valid are: default, web"):
            call("app")
    with pytest.raises(ApiKeyError, match="not negative"):
        keys.rotate("web", -DAY)


def test_a_campaign_without_keys_says_so(deployed: dict[str, str]) -> None:
    del deployed["ApiUsagePlanId"], deployed["ApiKeyId"]
    deployed["ApiAuthorizer"] = "jwt"
    with pytest.raises(ApiKeyError, match="authorizer: jwt"):
        ApiKeys("demo")
    assert api_access("demo").key is None
    shown = CliRunner().invoke(app, ["api", "demo"])
    assert "API_KEY" not in shown.stdout
    assert "Bearer" in shown.stdout


def test_the_command_shows_a_value_once_and_on_stdout_alone(campaign: Campaign) -> None:
    run = CliRunner()
    made = run.invoke(app, ["keys", "create", "demo", "web"])
    value = made.stdout.strip()
    assert made.exit_code == 0
    assert re.fullmatch(r"\S{20,}", value)
    assert value not in made.stderr
    assert _opens(campaign, value)
    rotated = run.invoke(app, ["keys", "rotate", "demo", "web", "--grace", "1h"])
    assert _opens(campaign, rotated.stdout.strip())
    listed = run.invoke(app, ["keys", "list", "demo"])
    assert listed.stdout.count("web") == 2
    assert "valid until" in listed.stdout
    revoked = run.invoke(app, ["keys", "revoke", "demo", "web"])
    assert revoked.exit_code == 0
    assert not _opens(campaign, value)
    for output in (listed.output, revoked.output):
        assert value not in output
    wrong = run.invoke(app, ["keys", "rotate", "demo", "default", "--grace", "soon"])
    assert wrong.exit_code == 1
    assert "a whole number and a unit" in wrong.stderr


def test_no_key_shows_its_value_where_it_is_printed(keys: ApiKeys) -> None:
    made = keys.create("web")
    assert made.value is not None
    assert made.value not in repr(made)
    assert made.value not in repr(api_access("demo", boto3.Session()))
    assert all(key.value is None for key in module.ApiKeys("demo").listed())
