"""What policies say: IAM's rules, and that nothing passes which no statement allows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.iam.conditions import UnknownConditionError
from darkroom.sandbox.iam.patterns import arn_matches, matches
from darkroom.sandbox.iam.policy import Decision, Grant, PolicyError, Verdict, decide, grants_of, parse

BUCKET = "arn:aws:s3:::pictures"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": f"{BUCKET}/*", **elements}


def decided(*statements: dict[str, Any], action: str = "s3:GetObject", **context: str) -> Decision:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return decide(parse(document), action, f"{BUCKET}/a/b.png", context)


def test_what_no_statement_allows_is_not_allowed() -> None:
    assert decided().verdict is Verdict.NOT_ALLOWED
    assert decided(statement(), action="s3:PutObject").verdict is Verdict.NOT_ALLOWED
    assert decided(statement(Resource=f"{BUCKET}2/*")).verdict is Verdict.NOT_ALLOWED


def test_a_decision_names_the_grant_as_it_is_written() -> None:
    allowed = decided(statement(Action=["s3:PutObject", "s3:getobject"]))
    assert allowed == Decision(Verdict.ALLOWED, (Grant("s3:getobject", f"{BUCKET}/*"),))


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    deny = statement("Deny", Action="s3:*")
    assert decided(statement(), deny).verdict is Verdict.DENIED
    assert decided(deny, statement()).verdict is Verdict.DENIED


def test_not_action_and_not_resource_are_about_all_the_others() -> None:
    others = {"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"}
    assert decided(others).allowed
    assert not decided(others, action="s3:PutObject").allowed
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": f"{BUCKET}/*"}
    assert decided(statement(), elsewhere).allowed


CONDITIONS: dict[str, tuple[dict[str, Any], dict[str, str], bool]] = {
    "equal": ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
    "not equal": ({"StringEquals": {"k": "a"}}, {"k": "A"}, False),
    "absent": ({"StringEquals": {"k": "a"}}, {}, False),
    "absent, negated": ({"StringNotEquals": {"k": "a"}}, {}, True),
    "negated list": ({"StringNotLike": {"k": ["a*", "b*"]}}, {"k": "bc"}, False),
    "if it exists, absent": ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
    "if it exists, other": ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
    "like": ({"StringLike": {"s3:prefix": "bundles/*"}}, {"s3:Prefix": "bundles/x/y"}, True),
    "a boolean of JSON": ({"Bool": {"k": True}}, {"k": "true"}, True),
    "null": ({"Null": {"k": "true"}}, {}, True),
    "not null": ({"Null": {"k": "false"}}, {}, False),
    "arn": ({"ArnLike": {"k": "arn:aws:sns:*:1:t-*"}}, {"k": "arn:aws:sns:eu:1:t-x"}, True),
    "arn across parts": ({"ArnLike": {"k": "arn:aws:sns:*"}}, {"k": "arn:aws:sns:eu:1:t"}, False),
    "all must hold": ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "c"}, False),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_conditions(case: str) -> None:
    condition, context, holds = CONDITIONS[case]
    assert decided(statement(Condition=condition), **context).allowed is holds


def test_a_condition_that_can_not_be_weighed_is_refused_by_name() -> None:
    with pytest.raises(UnknownConditionError, match="IpAddress"):
        decided(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))


@pytest.mark.parametrize(
    "document",
    [
        "{",
        '{"Statement": [{"Effect": "Maybe", "Action": "a", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "*", "Principal": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "arn:x/${aws:username}"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "a"}]}',
    ],
)
def test_a_document_that_can_not_be_weighed_is_refused(document: str) -> None:
    with pytest.raises(PolicyError):
        parse(document)


names = st.text(st.sampled_from("ab/:.-_[]()+^$\\\n"), max_size=12)


@given(names)
def test_a_pattern_without_wildcards_matches_itself_alone(text: str) -> None:
    assert matches(text, text)
    assert not matches(text, f"{text}a")
    assert not matches(text, f"a{text}")


@given(names, names, names)
def test_a_star_stands_for_any_text_and_a_question_mark_for_one_character(
    start: str, middle: str, end: str
) -> None:
    assert matches(f"{start}*{end}", f"{start}{middle}{end}")
    assert matches(f"{start}?{end}", f"{start}{middle}{end}") is (
        len(middle) == 1 or _shifted(start, middle, end)
    )


def _shifted(start: str, middle: str, end: str) -> bool:
    """Whether the text still is one character between start and end, though the middle is not one long."""
    text = start + middle + end
    return len(text) == len(start) + 1 + len(end) and text.startswith(start) and text.endswith(end)


@given(st.lists(names.filter(lambda part: ":" not in part), min_size=6, max_size=6))
def test_an_arn_pattern_never_reaches_over_its_part(parts: list[str]) -> None:
    arn = ":".join(parts)
    assert arn_matches("*:*:*:*:*:*", arn)
    assert not arn_matches("*:*:*:*:*", arn)


actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "s3:*", "*"])
resources = st.sampled_from([f"{BUCKET}/*", f"{BUCKET}/a", "arn:aws:sqs:eu:1:q", "*"])
statements = st.builds(
    lambda effect, actions, resources: {"Effect": effect, "Action": actions, "Resource": resources},
    st.sampled_from(["Allow", "Deny"]),
    st.lists(actions, min_size=1, max_size=3),
    st.lists(resources, min_size=1, max_size=3),
)


@given(st.lists(statements, max_size=6), st.sampled_from(["s3:GetObject", "sqs:SendMessage"]))
def test_a_decision_follows_from_the_statements_whatever_their_order(
    given_statements: list[dict[str, Any]], action: str
) -> None:
    resource = f"{BUCKET}/a"
    parsed = parse(json.dumps({"Statement": given_statements}))
    about = [one for one in parsed if one.covers(action, resource, {})]
    decision = decide(parsed, action, resource, {})
    assert decision.allowed is (bool(about) and all(one.allows for one in about))
    assert decide(parsed[::-1], action, resource, {}).verdict is decision.verdict
    assert set(decision.grants) <= grants_of(parsed)


@given(st.lists(statements, min_size=1, max_size=6), st.data())
def test_taking_a_statement_away_never_allows_more_but_for_a_deny(
    given_statements: list[dict[str, Any]], data: st.DataObject
) -> None:
    taken = data.draw(st.integers(0, len(given_statements) - 1))
    fewer = given_statements[:taken] + given_statements[taken + 1 :]
    before, after = (
        decide(parse(json.dumps({"Statement": one})), "s3:GetObject", f"{BUCKET}/a", {})
        for one in (given_statements, fewer)
    )
    if given_statements[taken]["Effect"] == "Allow":
        assert before.allowed or not after.allowed
    else:
        assert after.verdict is not Verdict.DENIED or before.verdict is Verdict.DENIED
