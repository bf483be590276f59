"""The functions' environment, read once and refused whole."""

from __future__ import annotations

import json

import pytest
from image_api.settings import SettingsError, from_environment

from tests.lambda_functions.local_campaign import ENVIRONMENT, RULES


def test_the_environment_of_the_stack_is_understood() -> None:
    settings = from_environment(ENVIRONMENT)
    assert settings.campaign == "demo"
    assert settings.cache_seconds == 3600
    assert settings.request_rules.sizes == ((128, 128), (128, 256))
    assert settings.request_rules.steps.default == 4


def test_everything_that_is_wrong_is_named_at_once() -> None:
    wrong = {**ENVIRONMENT, "MODEL_ID": "", "CACHE_SECONDS": "1d", "MAX_ATTEMPTS": "0", "REQUEST_RULES": "{}"}
    del wrong["JOBS_TABLE"]
    with pytest.raises(SettingsError) as caught:
        from_environment(wrong)
    for name in ("MODEL_ID", "CACHE_SECONDS", "MAX_ATTEMPTS", "REQUEST_RULES", "JOBS_TABLE"):
        assert name in str(caught.value)
    assert "PICTURES_BUCKET" not in str(caught.value)


@pytest.mark.parametrize("rules", ["", "[]", "null", "{", json.dumps({**RULES, "sizes": [[1]]})])
def test_rules_that_are_none_are_refused(rules: str) -> None:
    with pytest.raises(SettingsError, match="REQUEST_RULES"):
        from_environment({**ENVIRONMENT, "REQUEST_RULES": rules})
