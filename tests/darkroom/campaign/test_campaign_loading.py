"""A campaign file's mistakes are all told: the field, its value, the rule and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darkroom.campaign import CampaignError, Problem, Sources, load_campaign, load_campaigns

Write = Callable[..., Path]
Problems = Callable[[], dict[str, Problem]]


def test_a_campaign_needs_nothing_but_a_name_an_environment_and_a_model(
    write: Write, sources: Sources
) -> None:
    write("launch")
    (campaign,) = load_campaigns(sources)
    assert campaign.name == "launch"
    assert campaign.size == (1024, 1024)
    assert campaign.steps == 50
    assert campaign.workers_per_instance == 1
    assert campaign.seconds_per_image == pytest.approx(12.05)
    assert campaign.file.scaling.min_instances == 0
    assert campaign.file.endpoint.request_time_to_live == 21600


def test_seconds_per_image_follow_the_steps_and_the_size(write: Write, sources: Sources) -> None:
    model = {"recipe": "sd21", "bundle": "s3://models/sd21/1/", "steps": 25}
    write("small", model={**model, "width": 512, "height": 512})
    write("large", model={**model, "width": 768, "height": 768})
    large, small = load_campaigns(sources)
    assert small.seconds_per_image == pytest.approx(1.9769 / 2)
    assert large.seconds_per_image == pytest.approx(6.8363 / 2)


def test_a_measured_time_takes_the_place_of_the_published_one(write: Write, sources: Sources) -> None:
    write(scaling={"seconds_per_image": 9.7})
    assert load_campaigns(sources)[0].seconds_per_image == 9.7


def test_every_mistake_of_every_file_is_told_at_once(write: Write, problems: Problems) -> None:
    write(
        "first",
        environment={"account": 12, "region": "us-wst-2"},
        scaling={"min_instances": 5, "max_instances": 2},
    )
    write("second", endpoint={"workers_per_instance": 2}, retention="maybe")
    found = problems()
    assert set(found) == {
        "environment.account",
        "environment.region",
        "scaling.min_instances",
        "endpoint.workers_per_instance",
        "retention",
    }
    assert {problem.file.name for problem in found.values() if problem.file} == {"first.yaml", "second.yaml"}


def test_a_mistake_is_shown_with_file_line_value_rule_and_what_would_be_right(
    write: Write, problems: Problems
) -> None:
    path = write(environment={"account": "1111", "region": "us-west-2"})
    problem = problems()["environment.account"]
    line = 1 + path.read_text().splitlines().index("  account: '1111'")
    assert str(problem) == (
        f"{path}:{line}: environment.account = '1111'\n"
        "    rule:     an AWS account id is 12 digits, in quotes so that YAML keeps leading zeros\n"
        '    expected: "111122223333"'
    )


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"nmae": "x"}, "nmae", "did you mean name?"),
        ({"scaling": {"max_instance": 2}}, "scaling.max_instance", "did you mean max_instances?"),
        (
            {"scaling": {"schedule": [{"name": "a", "corn": "0 8 ? * MON *", "min_instances": 1}]}},
            "scaling.schedule[0].corn",
            "did you mean cron?",
        ),
        (
            {"endpoint": {"instance_type": "ml.inf2.48xlage"}},
            "endpoint.instance_type",
            "did you mean ml.inf2.48xlarge?",
        ),
        (
            {"environment": {"account": "111122223333", "region": "eu-wset-1"}},
            "environment.region",
            "did you mean eu-west",
        ),
        ({"model": {"recipe": "sdlx", "bundle": "s3://a-b/c/"}}, "model.recipe", "did you mean sdxl?"),
        ({"environment": None}, "environment", "a value"),
        ({"model": {"recipe": "sdxl"}}, "model.bundle", "or build: {}"),
        ({"build": {"sources": ["s3://weights"]}}, "build.sources[0]", "s3://bucket/weights/"),
        ({"build": {"instance_type": "ml.inf2.xlarge"}}, "build.instance_type", "ml.trn1.2xlarge"),
        ({"build": {"fine_tune": {"rank": 4}}}, "build.fine_tune.rank", "image"),
        ({"name": "Summer Launch"}, "name", "such as summer-launch"),
        ({"name": "x" * 51}, "name", "2 to 50"),
        ({"name": "launch-"}, "name", "no hyphen last"),
        ({"scaling": {"max_instances": "two"}}, "scaling.max_instances", "without quotes"),
        ({"scaling": {"max_instances": True}}, "scaling.max_instances", "a whole number"),
        ({"scaling": {"max_instances": 1.5}}, "scaling.max_instances", "a whole number"),
        ({"scaling": {"max_instances": 0}}, "scaling.max_instances", "at least 1"),
        ({"scaling": {"target_utilization": 1.5}}, "scaling.target_utilization", "at most 1"),
        ({"scaling": {"scale_in_cooldown": 120}}, "scaling.scale_in_cooldown", "such as 5m"),
        ({"endpoint": {"request_time_to_live": "7h"}}, "endpoint.request_time_to_live", "1m to 6h"),
        ({"endpoint": {"image": "my-image"}}, "endpoint.image", ".dkr.ecr."),
        ({"api": {"access_logs": "yes"}}, "api.access_logs", "true or false"),
        ({"notifications": {"email": "ops@example.com"}}, "notifications.email", "a list"),
        ({"notifications": {"email": ["ops"]}}, "notifications.email[0]", "ops@example.com"),
        ({"tags": {"aws:x": "1"}}, "tags.aws:x", "such as team"),
        ({"cache": ["7d"]}, "cache", "key: value"),
    ],
)
def test_a_single_mistake_is_told_with_what_would_be_right(
    changes: dict[str, Any], path: str, expected: str, write: Write, problems: Problems
) -> None:
    write(**changes)
    found = problems()
    assert list(found) == [path]
    assert expected in found[path].expected


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        (
            {"scaling": {"min_instances": 3, "max_instances": 2}},
            "scaling.min_instances",
            "not above the maximum",
        ),
        (
            {"model": {"recipe": "sdxl", "bundle": "s3://models/x/", "width": 512, "height": 512}},
            "model.width",
            "512x512 is none of them",
        ),
        (
            {"model": {"recipe": "sdxl", "bundle": "s3://models/x/", "steps": 500}},
            "model.steps",
            "steps that sdxl allows",
        ),
        (
            {"model": {"recipe": "sdxl-turbo", "bundle": "s3://models/x/", "guidance_scale": 5.0}},
            "model.guidance_scale",
            "guidance-free",
        ),
        (
            {"endpoint": {"instance_type": "ml.inf2.24xlarge", "workers_per_instance": 7}},
            "endpoint.workers_per_instance",
            "needs 2 a worker",
        ),
        ({"endpoint": {"invocation_timeout": "10s"}}, "endpoint.invocation_timeout", "12.1 seconds"),
        (
            {"endpoint": {"request_time_to_live": "6h"}, "cache": {"time_to_live": "2h"}},
            "endpoint.request_time_to_live",
            "must not outlive the cache",
        ),
    ],
)
def test_a_contradiction_is_told_with_its_rule(
    changes: dict[str, Any], path: str, rule: str, write: Write, problems: Problems
) -> None:
    write(**changes)
    found = problems()
    assert list(found) == [path]
    assert rule in found[path].rule


def action(**changes: Any) -> dict[str, Any]:
    return {"name": "open", "cron": "0 8 ? * MON-FRI *", "min_instances": 1, **changes}


@pytest.mark.parametrize(
    ("actions", "path", "rule"),
    [
        ([action(), action()], "scaling.schedule[0].name", "once in a schedule"),
        ([action(at="2027-01-01T00:00:00")], "scaling.schedule[0]", "exactly one of cron, at and rate"),
        ([{"name": "open", "min_instances": 1}], "scaling.schedule[0]", "exactly one of cron, at and rate"),
        ([{"name": "open", "rate": "1 hour"}], "scaling.schedule[0]", "changes something"),
        ([action(min_instances=4)], "scaling.schedule[0].min_instances", "not above scaling.max_instances"),
        ([action(min_instances=4, max_instances=3)], "scaling.schedule[0].min_instances", "which is 3"),
        (
            [action(min_instances=None, max_instances=0)],
            "scaling.schedule[0].max_instances",
            "not below scaling.min",
        ),
        ([action(time_zone="Europe/Amsterdm")], "scaling.schedule[0].time_zone", "IANA time zone"),
        ([action(cron="0 8 * * *")], "scaling.schedule[0].cron", "5 fields: AWS cron has six"),
    ],
)
def test_a_scheduled_action_that_cannot_be_is_refused(
    actions: list[dict[str, Any]], path: str, rule: str, write: Write, problems: Problems
) -> None:
    write(scaling={"min_instances": 1, "max_instances": 3, "schedule": actions})
    found = problems()
    assert path in found
    assert rule in found[path].rule


def test_a_scheduled_action_may_raise_both_bounds(write: Write, sources: Sources) -> None:
    write(scaling={"schedule": [action(min_instances=4, max_instances=8)]})
    (scheduled,) = load_campaigns(sources)[0].file.scaling.schedule
    assert scheduled.expression == "cron(0 8 ? * MON-FRI *)"


def test_a_broken_item_of_a_list_does_not_hide_the_rest_of_its_section(
    write: Write, problems: Problems
) -> None:
    broken = {"cron": "0 8 ? * MON *", "min_instances": 1}
    write(scaling={"min_instances": 3, "max_instances": 2, "schedule": [broken, "what"]})
    assert set(problems()) == {"scaling.schedule[0].name", "scaling.schedule[1]", "scaling.min_instances"}


def test_a_rule_is_not_told_of_a_field_that_is_broken_itself(write: Write, problems: Problems) -> None:
    write(scaling={"min_instances": 3, "max_instances": "two"})
    assert set(problems()) == {"scaling.max_instances"}


def test_a_syntax_error_is_told_with_its_line(sources: Sources, problems: Problems) -> None:
    (sources.campaigns / "bad.yaml").write_text("name: bad\nmodel: {recipe: sdxl\nretention: keep\n")
    (problem,) = problems().values()
    assert problem.line == 3
    assert "not readable as YAML" in problem.rule


def test_a_key_that_stands_twice_is_refused_with_both_lines(write: Write, problems: Problems) -> None:
    path = write()
    path.write_text(path.read_text() + "name: again\n")
    problem = problems()["name"]
    assert problem.line == len(path.read_text().splitlines())
    assert "stood at line" in problem.rule


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n", "&a [*a]\n", "\xff"])
def test_a_file_that_is_no_mapping_is_refused_without_a_traceback(
    text: str, sources: Sources, problems: Problems
) -> None:
    (sources.campaigns / "odd.yaml").write_bytes(text.encode("latin-1"))
    assert len(problems()) == 1


def test_two_campaigns_may_not_have_one_name(write: Write, problems: Problems) -> None:
    write("first", name="launch")
    write("second", name="launch")
    problem = problems()["name"]
    assert problem.file is not None
    assert problem.file.name == "second.yaml"
    assert "first.yaml" in problem.rule


def test_a_named_campaign_loads_though_another_file_is_broken(write: Write, sources: Sources) -> None:
    write("good")
    write("bad", model=None)
    (sources.campaigns / "worse.yaml").write_text("{")
    assert load_campaign(sources, "good").name == "good"


def test_a_name_that_no_campaign_has_is_answered_with_the_names_there_are(
    write: Write, sources: Sources
) -> None:
    write("summer-launch")
    write("winter-launch")
    with pytest.raises(CampaignError) as caught:
        load_campaign(sources, "sumer-launch")
    assert "did you mean summer-launch? one of summer-launch, winter-launch" in str(caught.value)


def test_a_named_file_with_broken_yaml_is_found_by_its_file_name(sources: Sources) -> None:
    (sources.campaigns / "launch.yaml").write_text("{")
    with pytest.raises(CampaignError, match="not readable as YAML"):
        load_campaign(sources, "launch")


def test_a_campaign_that_builds_its_bundle_needs_none_to_begin_with(write: Write, sources: Sources) -> None:
    write(model={"recipe": "sdxl"}, build={"sources": ["s3://weights/sdxl/"]})
    (campaign,) = load_campaigns(sources)
    assert campaign.bundle is None
    assert campaign.model_id == "sdxl@none"
