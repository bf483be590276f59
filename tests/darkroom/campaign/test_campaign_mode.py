"""What ``endpoint.mode`` changes: defaults, and what a realtime endpoint can't be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darkroom.campaign import Problem, Sources, load_campaigns

Write = Callable[..., Path]
Problems = Callable[[], dict[str, Problem]]
REALTIME: dict[str, Any] = {"endpoint": {"mode": "realtime"}, "scaling": {"min_instances": 1}}


def test_a_campaign_is_asynchronous_unless_it_says_otherwise(write: Write, sources: Sources) -> None:
    write()
    (campaign,) = load_campaigns(sources)
    assert campaign.file.endpoint.mode == "async"
    assert campaign.file.endpoint.invocation_timeout == 900
    assert campaign.file.scaling.metric == "backlog-aware"


def test_a_realtime_campaign_has_defaults_of_its_own(write: Write, sources: Sources) -> None:
    write(**REALTIME)
    (campaign,) = load_campaigns(sources)
    assert campaign.file.endpoint.invocation_timeout == 60
    assert campaign.file.scaling.metric == "invocations-per-instance"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"scaling": {}}, "scaling.min_instances", "keeps an instance"),
        ({"scaling": {"min_instances": 0}}, "scaling.min_instances", "keeps an instance"),
        (
            {
                "scaling": {
                    "min_instances": 1,
                    "schedule": [{"name": "n", "rate": "1 day", "min_instances": 0}],
                }
            },
            "scaling.schedule[0].min_instances",
            "keeps an instance",
        ),
        (
            {"endpoint": {"mode": "realtime", "invocation_timeout": "61s"}},
            "endpoint.invocation_timeout",
            "InvokeEndpoint waits 60 s",
        ),
        (
            {"scaling": {"min_instances": 1, "metric": "backlog-aware"}},
            "scaling.metric",
            "no queue to scale by",
        ),
        (
            {"scaling": {"min_instances": 1, "seconds_per_image": 75}},
            "endpoint.invocation_timeout",
            "each one would time out",
        ),
    ],
    ids=["no minimum", "zero", "a scheduled zero", "too long", "a metric of async", "too slow"],
)
def test_what_a_realtime_endpoint_cannot_be_is_told(
    changes: dict[str, Any], field: str, said: str, write: Write, problems: Problems
) -> None:
    write(**{**REALTIME, **changes})
    found = problems()
    assert list(found) == [field]
    assert said in found[field].rule
    assert "async" in found[field].expected or field == "scaling.metric"


def test_invocations_per_instance_are_not_there_for_async(write: Write, problems: Problems) -> None:
    write(scaling={"metric": "invocations-per-instance"})
    assert problems()["scaling.metric"].expected == "backlog-aware or published"


def test_a_mode_that_is_none_is_one_problem_and_not_more(write: Write, problems: Problems) -> None:
    write(endpoint={"mode": "realtme"}, scaling={"metric": "invocations-per-instance"})
    found = problems()
    assert list(found) == ["endpoint.mode"]
    assert found["endpoint.mode"].expected.startswith("did you mean realtime?")
