"""Durations, and the names that become names in AWS."""

from __future__ import annotations

import re

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from darkroom.campaign.fields import CAMPAIGN_NAME, Duration, duration_text, known_regions

SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")
CONFIG_NAME = SAGEMAKER.shape_for("EndpointConfigName").metadata
ANY = Duration(0, 10**9, "anything")


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("5m", 300), ("2h", 7200), ("7d", 604800), ("0s", 0)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert ANY.parse(text) == seconds


@pytest.mark.parametrize("value", [60, "60", "1.5h", "5 m", "m", "-5m", "1h30m", "", None, "5m\n", "\u0665m"])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="whole number and a unit"):
        ANY.parse(value)


@given(st.integers(0, 10**9 - 1))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    assert ANY.parse(duration_text(seconds)) == seconds


@given(st.integers(0, 100_000))
def test_a_duration_outside_its_bounds_is_refused_with_the_rule(seconds: int) -> None:
    bounded = Duration(60, 21600, "RequestTTLSeconds is 60 to 21600")
    if 60 <= seconds <= 21600:
        assert bounded.parse(f"{seconds}s") == seconds
    else:
        with pytest.raises(PydanticCustomError, match="RequestTTLSeconds"):
            bounded.parse(f"{seconds}s")


@given(st.from_regex(CAMPAIGN_NAME, fullmatch=True))
def test_every_campaign_name_makes_names_that_sagemaker_takes(name: str) -> None:
    config = f"{name}-{'0' * 12}"
    assert len(config) <= CONFIG_NAME["max"]
    assert re.fullmatch(CONFIG_NAME["pattern"], config)


def test_the_regions_are_real_ones() -> None:
    assert {"us-east-1", "eu-west-1", "cn-north-1"} <= set(known_regions())
    assert "aws-global" not in known_regions()
